//! Whether the disk has room for a build and the tests.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::statvfs;

use crate::{failure::Failure, workspace::Workspace};

const GIB: u64 = 1 << 30;

/// What a build of everything takes in the target folder.
const BUILD_BYTES: u64 = 10 * GIB;

/// What a build adds to a target folder that has all that already.
const REBUILD_BYTES: u64 = 2 * GIB;

/// What the data of private servers take in the folder for temporary files.
const TEST_BYTES: u64 = 2 * GIB;

/// Less is not worth a line.
const SHOWN_BYTES_MIN: u64 = 100 << 20;

/// Parts of a target folder that may go, and what that costs.
const PARTS: [(&str, &str); 4] = [
    ("debug/incremental", "the next build takes longer"),
    ("release", "cargo dev up builds it again"),
    ("hot", "cargo dev up builds it again"),
    ("debug", "the tests are built again"),
];

/// Fails before anything is built, and says what to delete.
pub(super) fn require(
    workspace: &Workspace,
    target: &Path,
    temporary: &Path,
) -> Result<(), Failure> {
    let more = BUILD_BYTES.saturating_sub(bytes(target)).max(REBUILD_BYTES);
    let needs = if is_same_disk(target, temporary) {
        vec![(target, more + TEST_BYTES)]
    } else {
        vec![(target, more), (temporary, TEST_BYTES)]
    };
    for (folder, wanted) in needs {
        let what = format!("asking for the room in {}", folder.display());
        let free = free(folder).map_err(Failure::io(what))?;
        if free < wanted {
            return Err(failure(folder, free, wanted, &parts(workspace, target)));
        }
    }
    Ok(())
}

fn failure(folder: &Path, free: u64, wanted: u64, parts: &[Part]) -> Failure {
    let message = format!(
        "{} has room for {}; the build and the tests need {} there",
        folder.display(),
        gib(free),
        gib(wanted)
    );
    let mut next = format!(
        "delete what is not needed, at least {}",
        gib(wanted.saturating_sub(free))
    );
    for Part { path, bytes, why } in parts {
        let (path, bytes) = (path.display(), gib(*bytes));
        next += &format!("\n       rm -r {path} frees {bytes}: {why}");
    }
    Failure::new(message, next)
}

/// Something that may be deleted.
struct Part {
    path: PathBuf,
    bytes: u64,
    why: &'static str,
}

/// What this checkout has, the smallest first.
fn parts(workspace: &Workspace, target: &Path) -> Vec<Part> {
    let stack = "the stack's data, with all stock; cargo dev down comes first";
    let mut parts: Vec<Part> = PARTS
        .map(|(part, why)| (target.join(part), why))
        .into_iter()
        .chain([(workspace.devstack_dir(), stack)])
        .map(|(path, why)| Part {
            bytes: bytes(&path),
            path,
            why,
        })
        .filter(|part| part.bytes >= SHOWN_BYTES_MIN)
        .collect();
    parts.sort_by_key(|part| part.bytes);
    parts
}

/// With one digit behind the point, rounded down.
fn gib(bytes: u64) -> String {
    let tenths = bytes / (GIB / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// What this user may still write to the disk that has the folder, or will have it.
fn free(folder: &Path) -> io::Result<u64> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let disk = statvfs(there.unwrap_or(folder))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn is_same_disk(one: &Path, other: &Path) -> bool {
    let disk = |folder: &Path| {
        let mut there = folder.ancestors();
        there
            .find_map(|folder| fs::metadata(folder).ok())
            .map(|meta| meta.dev())
    };
    disk(one) == disk(other)
}

/// What a folder takes on its disk; nothing when it is not there. Cargo gives some files two names.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes(&entry.path()),
            Ok(meta) => meta.blocks().saturating_mul(512) / meta.nlink().max(1),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_explained_with_what_may_go() {
        let part = Part {
            path: "/t/debug/incremental".into(),
            bytes: 3 * GIB + GIB / 2,
            why: "slower",
        };
        let failure = failure(Path::new("/t"), GIB / 2, 3 * GIB, &[part]);
        let message = "/t has room for 0.5 GiB; the build and the tests need 3.0 GiB there";
        assert_eq!(failure.message, message);
        let next = "delete what is not needed, at least 2.5 GiB\n       \
                    rm -r /t/debug/incremental frees 3.5 GiB: slower";
        assert_eq!(failure.next, next);
    }

    #[test]
    fn a_file_with_two_names_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one");
        fs::write(&file, vec![1; 1 << 20]).unwrap();
        let alone = bytes(folder.path());
        fs::hard_link(&file, folder.path().join("two")).unwrap();
        assert_eq!(bytes(folder.path()), alone);
        let workspace = Workspace::at(folder.path());
        assert!(parts(&workspace, folder.path()).is_empty());
    }

    #[test]
    fn room_is_that_of_the_disk_that_will_take_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("target/debug");
        assert!(free(&missing).unwrap() > 0);
        assert!(is_same_disk(&missing, folder.path()));
        assert!(!is_same_disk(&missing, Path::new("/proc")));
        assert_eq!(bytes(&missing), 0);
    }
}
