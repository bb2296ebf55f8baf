//! Building a server, and noticing that a running one is older.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;

use crate::{cargo, failure::Failure, workspace::Workspace};

/// Builds the release binary of a package and returns where cargo put it.
pub(crate) fn release(workspace: &Workspace, package: &str) -> Result<PathBuf, Failure> {
    let failed = |why: String| {
        let next = "the compiler's words are above; cargo dev doctor checks the tools";
        Failure::new(format!("building {package} failed: {why}"), next)
    };
    let args = [
        "build",
        "--release",
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
    let executable = lines
        .map_while(Result::ok)
        .filter_map(|line| executable(&line, package))
        .last();
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    executable.ok_or_else(|| failed(format!("it has no binary called {package}")))
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

/// The path in cargo's message that the binary of this name is there.
fn executable(line: &str, name: &str) -> Option<PathBuf> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target?;
    let is_it = message.reason == "compiler-artifact"
        && target.name == name
        && target.kind.iter().any(|kind| kind == "bin");
    message.executable.filter(|_| is_it)
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
        let found = executable(line, "inventory-server");
        assert_eq!(
            found.as_deref(),
            Some(Path::new("/t/release/inventory-server"))
        );
        assert_eq!(executable(line, "other"), None);
        let library = line.replace(r#"["bin"]"#, r#"["lib"]"#);
        assert_eq!(executable(&library, "inventory-server"), None);
        assert_eq!(
            executable(r#"{"reason":"build-finished","success":true}"#, "x"),
            None
        );
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
