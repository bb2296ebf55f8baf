//! Whether Redis and MariaDB agree.

use std::{path::Path, process::Command, time::Duration};

use devstack::command;

use crate::{
    addresses::Addresses, environment, failure::Failure, launch, output, service::SYNC_WORKER,
    workspace::Workspace,
};

const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);

/// Shows that both sides agree.
pub(crate) fn check(
    workspace: &Workspace,
    addresses: &Addresses,
    program: &Path,
) -> Result<(), Failure> {
    output::line("reconcile check:");
    let mut command = Command::new(program);
    environment::without_server_settings(&mut command);
    command
        .arg("check")
        .envs(launch::stores(workspace, addresses)?);
    let finished = command::finish(&mut command, RECONCILE_TIMEOUT)?;
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
    output::table(&finished.stdout.lines().map(cells).collect::<Vec<_>>());
    if finished.status.success() {
        return Ok(());
    }
    let message = format!(
        "reconcile check ended with {}: {}",
        finished.status,
        finished.stderr.trim_end()
    );
    let next = format!("its answer is above; cargo dev logs {}", SYNC_WORKER.name);
    Err(Failure::new(message, next))
}
