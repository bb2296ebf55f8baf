//! A data folder made once for each version and copied for each server.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use super::{
    Installed,
    installed::INITIALISE_TIMEOUT,
    server::{PASSWORD, USER},
};
use crate::{Error, Result, made_once};

/// Fills `data`, which must not exist yet, with a fresh data folder that knows the account of tests.
pub(super) fn copy_to(installed: &Installed, data: &Path) -> Result<()> {
    let sql = account();
    match made_once::cache() {
        Some(cache) => copy(&cached(installed, &sql, &cache)?, data),
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

/// The template of this version and account.
fn cached(installed: &Installed, sql: &str, cache: &Path) -> Result<PathBuf> {
    let name = name(installed.version(), sql);
    let make = |new: &Path| installed.initialise(new, sql);
    made_once::folder(cache, &name, INITIALISE_TIMEOUT, Path::is_dir, make)
}

/// By user as well: the files of one are closed to the others.
fn name(version: &str, sql: &str) -> String {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    let user = rustix::process::geteuid().as_raw();
    let version = version.replace('/', "_");
    format!("mariadb-{version}-{user}-{:016x}", hasher.finish())
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
    use super::*;

    #[test]
    fn it_is_made_once_and_can_be_copied() {
        let installed = Installed::find().unwrap();
        let cache = tempfile::tempdir().unwrap();
        let template = cached(&installed, "", cache.path()).unwrap();
        let made = || fs::metadata(&template).unwrap().modified().unwrap();
        let first = made();
        assert_eq!(cached(&installed, "", cache.path()).unwrap(), template);
        assert_eq!(made(), first);

        let data = cache.path().join("data");
        copy(&template, &data).unwrap();
        assert!(data.join("mysql").is_dir() && data.join("ibdata1").is_file());
    }

    #[test]
    fn another_account_or_version_is_another_template() {
        assert_eq!(name("1", "a"), name("1", "a"));
        assert_ne!(name("1", "a"), name("1", "b"));
        assert_ne!(name("1", "a"), name("2", "a"));
        assert!(!name("1/2", "a").contains('/'));
    }
}
