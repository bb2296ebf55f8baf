//! Running the runner.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use scenarios::{keep, result::RunResult};
use tempfile::TempDir;

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) output: Output,
    pub(crate) folder: TempDir,
}

/// Runs a scenario on a private stack, with scripts of this folder.
pub(crate) fn run(scripts: &Path, scenario: &str, options: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_scenarios"))
        .args(["run", scenario, "--profile", "smoke", "--scripts"])
        .arg(scripts)
        .arg("--keep")
        .arg(folder.path())
        .args(options)
        .output()
        .unwrap();
    Ran { output, folder }
}

pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k6")
}

impl Ran {
    pub(crate) fn file(&self, extension: &str) -> PathBuf {
        let files = self.folder.path().read_dir().unwrap();
        let paths = files.map(|entry| entry.unwrap().path());
        let mut wanted = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
        wanted.next().unwrap_or_else(|| panic!("{}", self.said()))
    }

    pub(crate) fn result(&self) -> RunResult {
        keep::read(&self.file("json")).unwrap()
    }

    pub(crate) fn said(&self) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        text(&self.output.stdout) + &text(&self.output.stderr)
    }
}
