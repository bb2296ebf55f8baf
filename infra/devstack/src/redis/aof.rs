//! The append-only files on disk (Redis 7: a manifest and several files in `appendonlydir`).

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// The incremental file that Redis appends to: the last one of type `i` in the manifest.
pub(super) fn incr_file(data_dir: &Path) -> Result<PathBuf> {
    let folder = data_dir.join("appendonlydir");
    let manifest = folder.join("appendonly.aof.manifest");
    let text = fs::read_to_string(&manifest)
        .map_err(Error::io(format!("reading {}", manifest.display())))?;
    let name = incr_name(&text)
        .ok_or_else(|| Error::Protocol(format!("no incremental file in {}", manifest.display())))?;
    Ok(folder.join(name))
}

/// Lines are `file NAME seq N type T`.
fn incr_name(manifest: &str) -> Option<&str> {
    manifest.lines().rev().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["file", name, "seq", _, "type", "i"] => Some(name),
            _ => None,
        }
    })
}

/// Cuts the file; refuses to make it longer.
pub(super) fn truncate(file: &Path, length: u64) -> Result<()> {
    let what = || format!("cutting {} to {length} bytes", file.display());
    let opened = OpenOptions::new()
        .write(true)
        .open(file)
        .map_err(Error::io(what()))?;
    let now = opened.metadata().map_err(Error::io(what()))?.len();
    if length > now {
        return Err(Error::Protocol(format!("{}: it has only {now}", what())));
    }
    opened.set_len(length).map_err(Error::io(what()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_incremental_file_is_the_current_one() {
        let manifest = "file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\n\
                        file a.2.incr.aof seq 2 type i\n";
        assert_eq!(incr_name(manifest), Some("a.2.incr.aof"));
        assert_eq!(incr_name("file a.1.base.rdb seq 1 type b\n"), None);
    }
}
