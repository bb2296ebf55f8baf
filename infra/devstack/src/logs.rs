//! `logs`: the output of a server.

use std::{os::unix::process::CommandExt as _, process::Command};

use crate::{cli::LogsOptions, failure::Failure, service::Service, workspace::Workspace};

/// Becomes `tail`; returns only when that fails.
pub(crate) fn run(workspace: &Workspace, options: &LogsOptions) -> Failure {
    let service = match Service::named(&options.name) {
        Ok(service) => service,
        Err(failure) => return failure,
    };
    let log = workspace.log_file(service.name);
    if !log.exists() {
        let message = format!("{} has not written anything yet", service.name);
        return Failure::new(message, "start it: cargo dev up");
    }
    let mut tail = Command::new("tail");
    tail.arg("-n").arg(options.lines.to_string());
    if options.follow {
        // By name: goes on in the new file after a restart.
        tail.arg("-F");
    }
    Failure::io("starting tail")(tail.arg("--").arg(log).exec())
}
