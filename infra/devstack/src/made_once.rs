//! What is made once for a target folder and used by all that run from it.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Error, Result, wait};

/// The folder `name` in `cache`, made by whoever comes first; who comes meanwhile waits, at most `timeout`. It
/// is put in place when it is complete, so what is there can be used.
pub(crate) fn folder(
    cache: &Path,
    name: &str,
    timeout: Duration,
    is_complete: impl Fn(&Path) -> bool,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let place = cache.join(name);
    if is_complete(&place) {
        return Ok(place);
    }
    fs::create_dir_all(cache).map_err(Error::io(format!("making {}", cache.display())))?;
    let _lock = lock(&cache.join(format!("{name}.lock")), timeout)?;
    if is_complete(&place) {
        return Ok(place);
    }
    let new = cache.join(format!("{name}.new"));
    for left in [&new, &place] {
        if left.exists() {
            fs::remove_dir_all(left).map_err(Error::io(format!("deleting {}", left.display())))?;
        }
    }
    make(&new)?;
    fs::rename(&new, &place).map_err(Error::io(format!("making {}", place.display())))?;
    Ok(place)
}

/// Where cargo has put this program, for what is made once; it marks its target folder as a cache. A program
/// that runs elsewhere has none.
pub(crate) fn cache() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let mut folders = own.ancestors().skip(1);
    let target = folders.find(|folder| folder.join("CACHEDIR.TAG").is_file())?;
    Some(target.join("devstack"))
}

/// Waits for the process that makes what this file stands for.
fn lock(path: &Path, timeout: Duration) -> Result<File> {
    let what = || format!("locking {}", path.display());
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::io(what()))?;
    wait::until_some(
        timeout,
        format!("another process lets go of {}", path.display()),
        || match file.try_lock() {
            Ok(()) => Some(Ok(())),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(error)) => Some(Err(Error::io(what())(error))),
        },
    )??;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn of_two_who_need_it_at_once_one_makes_it() {
        let cache = tempfile::tempdir().unwrap();
        // Left behind by one that was killed at it, and one that is not complete.
        for left in ["thing.new/half", "thing/other"] {
            fs::create_dir_all(cache.path().join(left)).unwrap();
        }
        let made = AtomicU32::new(0);
        let get = || {
            let is_complete = |place: &Path| place.join("whole").is_file();
            let make = |place: &Path| {
                made.fetch_add(1, Ordering::Relaxed);
                fs::create_dir(place).unwrap();
                fs::write(place.join("whole"), "").unwrap();
                Ok(())
            };
            let limit = Duration::from_secs(60);
            folder(cache.path(), "thing", limit, is_complete, make).unwrap()
        };
        let (one, two) = thread::scope(|scope| {
            let (one, two) = (scope.spawn(get), scope.spawn(get));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert_eq!(one, two);
        assert_eq!(made.into_inner(), 1);
        let files: Vec<_> = one.read_dir().unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }

    #[test]
    fn programs_of_a_workspace_have_a_place_for_it() {
        let target = cache().unwrap();
        assert!(target.with_file_name("CACHEDIR.TAG").is_file());
    }
}
