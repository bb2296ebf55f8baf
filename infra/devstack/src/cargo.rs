//! Calling cargo from a program that cargo started.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{environment, failure::Failure, workspace::Workspace};

/// A cargo command at the workspace root; its output goes where ours goes.
pub(crate) fn command(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = Command::new(environment::cargo_program());
    environment::without_cargo_run(&mut command);
    command
        .args(args)
        .current_dir(workspace.root())
        .stdin(Stdio::null());
    command
}

/// Whether a component such as `fmt` or `clippy` is installed.
pub(crate) fn has_component(name: &str) -> bool {
    let mut command = Command::new(environment::cargo_program());
    let quiet = command.args([name, "--version"]).stdin(Stdio::null());
    quiet.output().is_ok_and(|output| output.status.success())
}

/// What cargo says about the workspace, as far as `T` asks.
pub(crate) fn metadata<T: DeserializeOwned>(workspace: &Workspace) -> Result<T, Failure> {
    let failed = |why: String| {
        let message = format!("cargo does not describe the workspace: {why}");
        Failure::new(message, "cargo metadata --no-deps shows the reason")
    };
    let args = ["metadata", "--no-deps", "--format-version", "1"];
    let output = command(workspace, &args)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder(workspace: &Workspace) -> Result<PathBuf, Failure> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    metadata(workspace).map(|it: Metadata| it.target_directory)
}

/// Something to run that a build made, or found made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Executable {
    /// Name of its package.
    pub(crate) package: String,
    pub(crate) manifest: PathBuf,
    /// Of the target, such as `it` for `tests/it/main.rs`.
    pub(crate) name: String,
    /// Of the target: `lib`, `bin`, `test` …
    pub(crate) kind: String,
    /// Whether it is a test harness.
    pub(crate) is_test: bool,
    pub(crate) path: PathBuf,
}

/// Makes a command say what it builds.
pub(crate) const MESSAGES: &str = "--message-format=json-render-diagnostics";

/// Runs a build with [`MESSAGES`]; the error says in a few words why it failed.
pub(crate) fn build(command: &mut Command) -> Result<Vec<Executable>, String> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let lines = child.stdout.take().into_iter();
    let executables = lines
        .flat_map(|output| BufReader::new(output).lines())
        .map_while(Result::ok)
        .filter_map(|line| executable(&line))
        .collect();
    match child.wait() {
        Ok(status) if status.success() => Ok(executables),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    package_id: String,
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

fn executable(line: &str) -> Option<Executable> {
    let message: Message = serde_json::from_str(line).ok()?;
    let path = message
        .executable
        .filter(|_| message.reason == "compiler-artifact")?;
    Some(Executable {
        package: package(&message.package_id).to_owned(),
        manifest: message.manifest_path,
        name: message.target.name,
        kind: message.target.kind.into_iter().next()?,
        is_test: message.profile.test,
        path,
    })
}

/// Of `path+file:///checkout/sync-worker#0.1.0`, or of `…/folder#name@0.1.0`.
fn package(id: &str) -> &str {
    let (place, version) = id.rsplit_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next().unwrap_or(place),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;

    /// A line as cargo prints it.
    pub(crate) fn message(kind: &str, name: &str, is_test: bool) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"path+file:///w/thing#0.1.0","manifest_path":"/w/thing/Cargo.toml","target":{{"kind":["{kind}"],"name":"{name}"}},"profile":{{"test":{is_test}}},"executable":"/t/debug/{name}","fresh":true}}"#
        )
    }

    #[test]
    fn what_can_be_run_is_found_among_cargos_messages() {
        let server = executable(&message("bin", "inventory-server", false)).unwrap();
        assert_eq!((&*server.package, &*server.kind), ("thing", "bin"));
        assert_eq!(server.path, Path::new("/t/debug/inventory-server"));
        assert!(!server.is_test);
        let library = message("lib", "thing", false).replace("\"/t/debug/thing\"", "null");
        assert_eq!(executable(&library), None);
        let end = r#"{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(end), None);
    }

    #[test]
    fn a_package_has_the_name_of_its_folder_or_its_own() {
        assert_eq!(package("path+file:///w/sync-worker#0.1.0"), "sync-worker");
        assert_eq!(
            package("path+file:///w/load/shop#shop-load@0.1.0"),
            "shop-load"
        );
    }
}
