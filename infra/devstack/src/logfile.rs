//! The end of a log file.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// At most this much of the end of a file is read.
const TAIL_BYTES_MAX: u64 = 64 * 1024;

/// The last `lines` lines of a file, within its last 64 KiB. A missing or unreadable file has none.
#[must_use]
pub fn tail(path: &Path, lines: usize) -> String {
    let text = read_end(path).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_last_lines_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(tail(&path, 2), "two\nthree");
        assert_eq!(tail(&path, 9), "one\ntwo\nthree");
    }

    #[test]
    fn a_long_file_is_read_from_its_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "x".repeat(1_000_000) + "\nlast\n").unwrap();
        assert_eq!(tail(&path, 1), "last");
        assert!(tail(&path, 2).len() <= 64 * 1024);
    }

    #[test]
    fn a_missing_file_has_no_lines() {
        assert_eq!(tail(Path::new("/nonexistent/log"), 5), "");
    }
}
