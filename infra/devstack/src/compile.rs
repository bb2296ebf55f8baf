//! Building a server, and noticing that a running one is older.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;

use crate::{cargo, failure::Failure, workspace::Workspace};

/// Where cargo put the programs of some packages, by name.
#[derive(Debug, Default)]
pub(crate) struct Binaries(BTreeMap<String, PathBuf>);

impl Binaries {
    pub(crate) fn path(&self, name: &str) -> Result<&Path, Failure> {
        self.0.get(name).map(PathBuf::as_path).ok_or_else(|| {
            let message = format!("the build has no binary called {name}");
            Failure::new(message, "git status shows what was changed")
        })
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// The package whose speed is worth minutes of linking.
const HOT_PACKAGE: &str = "inventory-server";

/// The profile that a package is built with to be run.
fn profile(package: &str) -> &'static str {
    if package == HOT_PACKAGE {
        "hot"
    } else {
        "release"
    }
}

/// Builds the binaries of a package as people run them.
pub(crate) fn release(workspace: &Workspace, package: &str) -> Result<Binaries, Failure> {
    let failed = |why: String| {
        let next = "the compiler's words are above; cargo dev doctor checks the tools";
        Failure::new(format!("building {package} failed: {why}"), next)
    };
    let args = [
        "build",
        "--profile",
        profile(package),
        "-p",
        package,
        "--message-format=json-render-diagnostics",
    ];
    let mut child = cargo::command(workspace, &args)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("cargo does not start: {error}")))?;
    let lines = child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines());
    let binaries = lines
        .map_while(Result::ok)
        .filter_map(|line| executable(&line))
        .collect();
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    Ok(Binaries(binaries))
}

#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// A binary in cargo's messages: its name and where it is.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target?;
    let is_binary =
        message.reason == "compiler-artifact" && target.kind.iter().any(|kind| kind == "bin");
    let path = message.executable.filter(|_| is_binary)?;
    Some((target.name, path))
}

/// Whether a process runs something else than what is in `binary` now. Unknown counts as no.
pub(crate) fn is_outdated(pid: u32, binary: &Path) -> bool {
    let running = PathBuf::from(format!("/proc/{pid}/exe"));
    let file = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino()));
    match (file(&running), file(binary)) {
        (Ok(one), Ok(other)) if one == other => false,
        // A build that changed nothing may still have written the file anew.
        (Ok(_), Ok(_)) => fs::read(running).ok() != fs::read(binary).ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_among_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","package_id":"x","target":{"kind":["bin"],"name":"inventory-server"},"executable":"/t/release/inventory-server","fresh":true}"#;
        let (name, path) = executable(line).unwrap();
        assert_eq!(name, "inventory-server");
        assert_eq!(path, Path::new("/t/release/inventory-server"));
        let library = line.replace(r#"["bin"]"#, r#"["lib"]"#);
        assert_eq!(executable(&library), None);
        let end = r#"{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(end), None);
        let failure = Binaries::default().path("reconcile").unwrap_err();
        assert!(failure.message.contains("reconcile"), "{}", failure.message);
    }

    #[test]
    fn a_copy_of_the_running_binary_is_not_newer() {
        let own = std::env::current_exe().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        fs::copy(&own, &copy).unwrap();
        let pid = std::process::id();
        assert!(!is_outdated(pid, &own));
        assert!(!is_outdated(pid, &copy));
        fs::write(&copy, "built anew").unwrap();
        assert!(is_outdated(pid, &copy));
    }
}
