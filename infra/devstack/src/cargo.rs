//! Calling cargo from a program that cargo started.

use std::process::{Command, Stdio};

use crate::{environment, workspace::Workspace};

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
