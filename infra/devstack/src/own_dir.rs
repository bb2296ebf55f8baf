//! A temporary folder of a process, which is cleared away even when the process could not do it.
//!
//! Tests share a server through a `static`, and what is static is never dropped: the server dies with the
//! process, but its folder, some tens of MiB, would stay. A killed process drops nothing at all. So the first
//! folder that a process makes clears away what dead processes left.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::Once,
};

use tempfile::TempDir;

use crate::{Error, Result};

/// What the names of all these folders begin with.
const PREFIX: &str = "devstack-";

const LOCK: &str = "owner.lock";

/// The folder; deleted on drop.
#[derive(Debug)]
pub struct OwnDir {
    folder: TempDir,
    /// Locked as long as this process lives.
    _lock: File,
}

impl OwnDir {
    /// A fresh one in the folder for temporary files, `devstack-<name>-…`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn make(name: &str) -> Result<Self> {
        static CLEARED: Once = Once::new();
        CLEARED.call_once(|| clear_away(&env::temp_dir()));
        Self::make_in(&env::temp_dir(), name)
    }

    fn make_in(base: &Path, name: &str) -> Result<Self> {
        let what = "making a temporary folder";
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{name}-"))
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Deletes this user's folders whose owner is dead. What cannot be deleted stays for the next one.
fn clear_away(base: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
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
        let alive = OwnDir::make_in(base.path(), "mariadb").unwrap();
        let in_base = |name: &str| base.path().join(name);
        let (dead, beginning) = (
            in_base("devstack-kafka-dead"),
            in_base("devstack-kafka-new"),
        );
        let other = in_base("kafka-dead");
        for folder in [&dead, &beginning, &other] {
            fs::create_dir(folder).unwrap();
        }
        for folder in [&dead, &other] {
            fs::write(folder.join(LOCK), "").unwrap();
        }
        clear_away(base.path());
        assert!(alive.path().exists() && beginning.exists() && other.exists());
        assert!(!dead.exists());
    }
}
