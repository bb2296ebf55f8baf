#![doc = include_str!("../README.md")]

pub mod dockerfile;
pub mod generate;
pub mod rehearse;

use std::path::{Path, PathBuf};

/// A file that cannot be read, written or understood.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct FileError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl FileError {
    /// Of `path`, for a reason that shows itself.
    pub fn of(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Self {
        let path = path.to_owned();
        move |reason| Self {
            path: path.clone(),
            reason: reason.to_string(),
        }
    }
}

/// The root of the checkout that this crate was built in.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// The text of a file.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|error| FileError::of(path)(&error))
}
