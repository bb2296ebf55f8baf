//! Resources that say again what stands elsewhere in the workspace. They are checked in; a test compares them.

mod connectors;
mod rules;
mod topics;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::FileError;

/// What stands above each of them.
const NOTICE: &str = "# Made by `cargo run -p manifests -- generate`; do not edit.\n";

/// A file as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Where, from the root of the checkout.
    pub path: PathBuf,
    /// What.
    pub text: String,
}

/// All of them, for the checkout at `root`.
///
/// # Errors
/// [`FileError`] of what they are made from.
pub fn all(root: &Path) -> Result<Vec<Generated>, FileError> {
    let of = |path: &str, text: String| Generated {
        path: path.into(),
        text: format!("{NOTICE}{text}"),
    };
    Ok(vec![
        of("k8s/base/kafka/topics.yaml", topics::text()),
        of(
            "k8s/components/debezium/connectors.yaml",
            connectors::text(&root.join("infra/debezium"))?,
        ),
        of(
            "k8s/components/monitoring/rules.yaml",
            rules::text(&root.join("infra/prometheus/rules"))?,
        ),
    ])
}

/// Writes those that are not as they should be; says which.
///
/// # Errors
/// [`FileError`].
pub fn write(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut written = Vec::new();
    for generated in all(root)? {
        let path = root.join(&generated.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == generated.text) {
            continue;
        }
        fs::write(&path, &generated.text).map_err(|error| FileError::of(&path)(&error))?;
        written.push(generated.path);
    }
    Ok(written)
}

/// The files in `folder` whose names end like this, by name.
fn files(folder: &Path, suffix: &str) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(folder).map_err(|error| FileError::of(folder)(&error))?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    paths.sort();
    Ok(paths)
}
