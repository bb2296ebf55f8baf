//! The temporary folder of one server, which is cleared away even when its process could not do it.
//!
//! Tests share a server through a `static`, and what is static is never dropped: the server dies with the
//! process, but its folder, some tens of MiB, would stay. So each start clears away what dead processes left.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use tempfile::TempDir;

use crate::{Error, Result};

const LOCK: &str = "owner.lock";

#[derive(Debug)]
pub(crate) struct OwnDir {
    folder: TempDir,
    /// Locked as long as this process lives.
    _lock: File,
}

impl OwnDir {
    /// A fresh one, named after its `server`.
    pub(crate) fn make(server: &str) -> Result<Self> {
        let prefix = prefix(server);
        clear_away(&env::temp_dir(), &prefix);
        Self::make_in(&env::temp_dir(), &prefix)
    }

    fn make_in(base: &Path, prefix: &str) -> Result<Self> {
        let what = "making a temporary folder";
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(base)
            .map_err(Error::io(what))?;
        // Named after it is locked: who sees the name and gets the lock knows that the owner is dead.
        let new = folder.path().join("owner.new");
        let lock = File::create(&new).map_err(Error::io(what))?;
        lock.lock().map_err(Error::io(what))?;
        fs::rename(new, folder.path().join(LOCK)).map_err(Error::io(what))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn prefix(server: &str) -> String {
    format!("devstack-{server}-")
}

/// Deletes this user's folders whose owner is dead. What cannot be deleted stays for the next one.
fn clear_away(base: &Path, prefix: &str) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(prefix)
            && entry
                .metadata()
                .is_ok_and(|meta| meta.is_dir() && meta.uid() == user);
        if !is_ours {
            continue;
        }
        if let Ok(lock) = File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folders_of_the_dead_are_cleared_away() {
        let base = tempfile::tempdir().unwrap();
        let alive = OwnDir::make_in(base.path(), &prefix("mariadb")).unwrap();
        let dead = base.path().join("devstack-mariadb-dead");
        let beginning = base.path().join("devstack-mariadb-beginning");
        let other = base.path().join("devstack-kafka-dead");
        for folder in [&dead, &beginning, &other] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(other.join(LOCK), "").unwrap();
        clear_away(base.path(), &prefix("mariadb"));
        assert!(alive.path().exists() && beginning.exists() && other.exists());
        assert!(!dead.exists());
    }
}
