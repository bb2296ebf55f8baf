//! Files `<made, ms since 1970>-<id>.pem`, mode 0600, in a folder of mode 0700. A file appears whole.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use access_token::sign::SigningKey;

use super::KeysError;

/// The bits that let somebody else read.
const OTHERS: u32 = 0o077;

/// The name under which one process alone makes the first key.
const FIRST: &str = "first.lock";

#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    pub(super) made_ms: i64,
    pub(super) key: SigningKey,
}

pub(super) fn make(dir: &Path) -> Result<(), KeysError> {
    if !dir.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(failed(dir))?;
    }
    refuse_open(dir)
}

/// The keys, oldest first.
pub(super) fn read(dir: &Path) -> Result<Vec<KeyFile>, KeysError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        let Some(made_ms) = made_ms(&path) else {
            continue;
        };
        refuse_open(&path)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // A rotation took it away just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&path)(error)),
        };
        let key = SigningKey::from_pem(&text).map_err(|error| KeysError::Key {
            path: path.clone(),
            error,
        })?;
        files.push(KeyFile { path, made_ms, key });
    }
    files.sort_by(|one, two| (one.made_ms, one.key.kid()).cmp(&(two.made_ms, two.key.kid())));
    Ok(files)
}

/// Adds a new key; its id.
pub(super) fn add(dir: &Path, now_ms: i64) -> Result<String, KeysError> {
    let pem = SigningKey::generate()?;
    let kid = SigningKey::from_pem(&pem)?.kid().to_owned();
    let path = dir.join(format!("{now_ms}-{kid}.pem"));
    let written = dir.join(format!("{kid}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&written)
        .map_err(failed(&written))?;
    file.write_all(pem.as_bytes()).map_err(failed(&written))?;
    file.sync_all().map_err(failed(&written))?;
    fs::rename(&written, &path).map_err(failed(&path))?;
    Ok(kid)
}

/// Adds a key if there is none, also when several processes want to at once.
pub(super) fn add_first(dir: &Path, now_ms: i64) -> Result<(), KeysError> {
    let path = dir.join(FIRST);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed(&path))?;
    lock.lock().map_err(failed(&path))?;
    if read(dir)?.is_empty() {
        add(dir, now_ms)?;
    }
    Ok(())
}

pub(super) fn remove(file: &KeyFile) -> Result<(), KeysError> {
    match fs::remove_file(&file.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&file.path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn made_ms(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".pem")?;
    name.split_once('-')?.0.parse().ok()
}

pub(super) fn refuse_open(path: &Path) -> Result<(), KeysError> {
    let permissions: Permissions = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path)(error)),
    };
    if permissions.mode() & OTHERS == 0 {
        Ok(())
    } else {
        Err(KeysError::Open(path.to_owned()))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |error| KeysError::Io { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_closed_to_others_and_sorted() {
        let parent = tempfile::tempdir().expect("a folder");
        let dir = parent.path().join("keys");
        make(&dir).expect("made");
        let second = add(&dir, 2000).expect("added");
        let first = add(&dir, 1000).expect("added");
        fs::write(dir.join("README"), "not a key").expect("written");
        let files = read(&dir).expect("read");
        let kids: Vec<&str> = files.iter().map(|file| file.key.kid()).collect();
        assert_eq!(kids, [first, second]);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&files[0].path)), (0o700, 0o600));
        fs::set_permissions(&files[0].path, Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(read(&dir), Err(KeysError::Open(_))));
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("1-x.pem");
        fs::write(&path, "rubbish").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        let error = read(dir.path()).expect_err("no key");
        assert!(error.to_string().contains("1-x.pem"), "{error}");
    }

    #[test]
    fn several_processes_make_one_first_key() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| add_first(path, 1).expect("added"));
            }
        });
        assert_eq!(read(path).expect("read").len(), 1);
    }
}
