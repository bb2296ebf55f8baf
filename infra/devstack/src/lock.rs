//! One command at a time changes the stack.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::Duration,
};

use devstack::wait;

use crate::{failure::Failure, output, workspace::Workspace};

/// How long to wait for another command; it may be building.
const LOCK_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Held until dropped, or until this process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Waits for another `cargo dev` that is at work in this checkout.
pub(crate) fn acquire(workspace: &Workspace) -> Result<Lock, Failure> {
    let folder = workspace.devstack_dir();
    let path = folder.join("lock");
    let mut told = false;
    let what = "another cargo dev in this checkout is done";
    wait::until_some(LOCK_TIMEOUT, what, || {
        let attempt = try_acquire(&folder, &path).transpose();
        if attempt.is_none() && !told {
            output::progress("    waiting for another cargo dev that is at work in this checkout");
            told = true;
        }
        attempt
    })?
    .map_err(Failure::io(format!("locking {}", path.display())))
}

fn try_acquire(folder: &Path, path: &Path) -> std::io::Result<Option<Lock>> {
    fs::create_dir_all(folder)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // A `reset` deletes the file while it holds the lock: then this is the lock of a file nobody sees.
    let ours = file.metadata()?.ino();
    let seen = fs::metadata(path).map(|meta| meta.ino()).ok();
    Ok((seen == Some(ours)).then_some(Lock { _file: file }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_gets_it_when_the_first_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = try_acquire(folder.path(), &path).unwrap().unwrap();
        assert!(try_acquire(folder.path(), &path).unwrap().is_none());
        drop(first);
        assert!(try_acquire(folder.path(), &path).unwrap().is_some());
    }
}
