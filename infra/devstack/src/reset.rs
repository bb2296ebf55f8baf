//! `reset`: back to nothing.

use std::{fs, path::Path};

use crate::{down, failure::Failure, lock, output, workspace::Workspace};

/// Stops everything and deletes `.devstack`, after saying what that holds.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.devstack_dir();
    if !folder.exists() {
        output::line("there is nothing to delete");
        return Ok(());
    }
    // Held while it is deleted: a command that waits for it then sees that the file is another one.
    let _lock = lock::acquire(workspace)?;
    down::down(workspace)?;
    output::line("deleting .devstack:");
    let what = || format!("reading {}", folder.display());
    for entry in fs::read_dir(&folder).map_err(Failure::io(what()))? {
        let path = entry.map_err(Failure::io(what()))?.path();
        output::line(format!(
            "  {:>8}  {}",
            size(bytes_in(&path)),
            workspace.shown(&path)
        ));
    }
    fs::remove_dir_all(&folder).map_err(Failure::io(format!("deleting {}", folder.display())))
}

/// Of a file, or of everything in a folder; links are not followed.
fn bytes_in(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| bytes_in(&entry.path()))
        .sum()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_weighs_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), [0; 2000]).unwrap();
        fs::write(folder.path().join("c"), [0; 100]).unwrap();
        assert_eq!(bytes_in(folder.path()), 2100);
        assert_eq!(size(2100), "2 KiB");
    }

    #[test]
    fn everything_is_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        fs::create_dir_all(workspace.redis_dir()).unwrap();
        run(&workspace).unwrap();
        assert!(!workspace.devstack_dir().exists());
        run(&workspace).unwrap();
    }
}
