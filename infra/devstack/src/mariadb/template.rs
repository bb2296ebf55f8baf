//! A data folder made once for each version and copied for each server.

use std::{
    env,
    fs::{self, File, TryLockError},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Installed,
    installed::INITIALISE_TIMEOUT,
    server::{PASSWORD, USER},
};
use crate::{Error, Result, wait};

/// Fills `data`, which must not exist yet, with a fresh data folder that knows the account of tests.
pub(super) fn copy_to(installed: &Installed, data: &Path) -> Result<()> {
    let sql = account();
    match target_folder() {
        Some(target) => copy(&cached(installed, &sql, &target.join("devstack"))?, data),
        None => installed.initialise(data, &sql),
    }
}

/// Without the right to administer: `read_only` and the limit of connections hold for it.
fn account() -> String {
    format!(
        "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, \
LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER ON *.* TO '{USER}'@'%';
"
    )
}

/// The template of this version and account, made by whoever comes first.
fn cached(installed: &Installed, sql: &str, cache: &Path) -> Result<PathBuf> {
    let name = name(installed.version(), sql);
    let template = cache.join(&name);
    // Renamed into place when it is complete, so what is there can be used.
    if template.is_dir() {
        return Ok(template);
    }
    fs::create_dir_all(cache).map_err(Error::io(format!("making {}", cache.display())))?;
    let path = cache.join(format!("{name}.lock"));
    let _lock = lock(&path, INITIALISE_TIMEOUT)?;
    if template.is_dir() {
        return Ok(template);
    }
    let new = cache.join(format!("{name}.new"));
    if new.exists() {
        fs::remove_dir_all(&new).map_err(Error::io(format!("deleting {}", new.display())))?;
    }
    installed.initialise(&new, sql)?;
    fs::rename(&new, &template).map_err(Error::io(format!("making {}", template.display())))?;
    Ok(template)
}

/// By user as well: the files of one are closed to the others.
fn name(version: &str, sql: &str) -> String {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    let user = rustix::process::geteuid().as_raw();
    let version = version.replace('/', "_");
    format!("mariadb-{version}-{user}-{:016x}", hasher.finish())
}

/// Waits for the process that makes what this file stands for.
pub(crate) fn lock(path: &Path, timeout: Duration) -> Result<File> {
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

/// Where cargo has put this test; it marks the folder as a cache. A test that runs elsewhere has none.
pub(crate) fn target_folder() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let mut folders = own.ancestors().skip(1);
    folders
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map(Path::to_owned)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("copying {} to {}", from.display(), to.display());
    fs::create_dir(to).map_err(Error::io(what()))?;
    for entry in fs::read_dir(from).map_err(Error::io(what()))? {
        let entry = entry.map_err(Error::io(what()))?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(Error::io(what()))?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target).map_err(Error::io(what()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn of_two_who_need_it_at_once_one_makes_it() {
        let installed = Installed::find().unwrap();
        let cache = tempfile::tempdir().unwrap();
        // Left behind by one that was killed at it.
        let left = cache
            .path()
            .join(name(installed.version(), "") + ".new/half");
        fs::create_dir_all(left).unwrap();
        let make = || cached(&installed, "", cache.path()).unwrap();
        let (one, two) = thread::scope(|scope| {
            let (one, two) = (scope.spawn(make), scope.spawn(make));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert_eq!(one, two);
        let made = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        let first = made(&one);
        assert_eq!(made(&make()), first);
        assert!(!one.join("half").exists());

        let data = cache.path().join("data");
        copy(&one, &data).unwrap();
        assert!(data.join("mysql").is_dir() && data.join("ibdata1").is_file());
    }

    #[test]
    fn another_account_or_version_is_another_template() {
        assert_eq!(name("1", "a"), name("1", "a"));
        assert_ne!(name("1", "a"), name("1", "b"));
        assert_ne!(name("1", "a"), name("2", "a"));
        assert!(!name("1/2", "a").contains('/'));
    }

    #[test]
    fn tests_of_a_workspace_have_a_target_folder() {
        assert!(target_folder().unwrap().join("CACHEDIR.TAG").is_file());
    }
}
