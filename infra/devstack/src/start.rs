//! Starting a server of the stack, until it is ready.

use std::{path::Path, time::Duration};

use devstack::{logfile, wait};

use crate::{
    detach,
    failure::Failure,
    http,
    service::Service,
    state::{Process, State},
    stop,
    workspace::Workspace,
};

/// How long a server may take from its start until `/readyz` answers 200; loading its data is part of it.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

const SHOWN_LOG_LINES: usize = 30;

/// Starts it and waits until it is ready. On failure it is stopped again.
pub(crate) fn start(
    workspace: &Workspace,
    state: &mut State,
    service: &Service,
    binary: &Path,
) -> Result<(), Failure> {
    let log = workspace.log_file(service.name);
    let args = service.args(workspace, state.port_offset);
    let child = detach::start(workspace, binary, &args, &log)?;
    let url = service.url(state.port_offset);
    // Not reaped, so it is there to be seen even when it has ended.
    let process = Process::observe(child.id(), url, log)
        .ok_or_else(|| Failure::new("/proc is not readable", "mount /proc"))?;
    // Before anything else: from here on, `down` finds it.
    state
        .processes
        .insert(service.name.to_owned(), process.clone());
    state.save(workspace)?;
    wait_until_ready(workspace, service, &process).inspect_err(|_| {
        // The failure to report is the first one.
        let _ = stop::stop(workspace, state, service.name);
    })
}

/// Waits for `/readyz`, as long as the process lives.
pub(crate) fn wait_until_ready(
    workspace: &Workspace,
    service: &Service,
    process: &Process,
) -> Result<(), Failure> {
    let failed = |why: &str| {
        let lines = logfile::tail(&process.log, SHOWN_LOG_LINES);
        let message = format!("{} {why}; its last lines:\n{lines}", service.name);
        let log = workspace.shown(&process.log);
        Failure::new(message, format!("the whole log is {log}"))
    };
    let ready = wait::until_some(READY_TIMEOUT, "ready", || {
        let alive = process.is_alive();
        match (alive, alive && http::is_ready(&process.url)) {
            (true, false) => None,
            (_, ready) => Some(ready),
        }
    });
    match ready {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed("ended before it was ready")),
        Err(_) => Err(failed(&format!("was not ready within {READY_TIMEOUT:?}"))),
    }
}
