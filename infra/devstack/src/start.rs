//! Starting a server of the stack, and waiting until it is ready.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use devstack::{logfile, wait};

use crate::{
    detach,
    failure::Failure,
    launch::Launch,
    output, probe,
    service::Service,
    state::{Process, State},
    workspace::Workspace,
};

/// How long a server may take from its start until it is ready; loading its data is part of it.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a wait may be silent.
const TELL_INTERVAL: Duration = Duration::from_secs(5);

const SHOWN_LOG_LINES: usize = 30;

/// Longest reason that is shown, in characters: it may be the page of a server that is not ours.
const REASON_SHOWN_MAX: usize = 400;

/// Starts it; from here on `down` finds it. It has yet to become ready.
pub(crate) fn start(
    workspace: &Workspace,
    state: &mut State,
    service: &Service,
    launch: &Launch,
    url: String,
) -> Result<(), Failure> {
    let log = workspace.log_file(service.name);
    let child = detach::start(workspace, launch, &log)?;
    // Not reaped, so it is there to be seen even when it has ended.
    let process = Process::observe(child.id(), url, log)
        .ok_or_else(|| Failure::new("/proc is not readable", "mount /proc"))?;
    state.processes.insert(service.name.to_owned(), process);
    state.save(workspace)
}

/// Waits until it does its work, as long as the process lives.
pub(crate) fn wait_until_ready(
    workspace: &Workspace,
    state: &State,
    service: &Service,
) -> Result<(), Failure> {
    let Some(process) = state.processes.get(service.name) else {
        let message = format!("{} was not started", service.name);
        return Err(Failure::new(message, "start it: cargo dev up"));
    };
    let failed = |why: &str| {
        let lines = logfile::tail(&process.log, SHOWN_LOG_LINES);
        let message = format!("{} {why}; its last lines:\n{lines}", service.name);
        let log = workspace.shown(&process.log);
        Failure::new(message, format!("the whole log is {log}"))
    };
    let reason = RefCell::new(String::new());
    let mut told = Instant::now();
    let ready = wait::until_some(READY_TIMEOUT, "ready", || {
        if !process.is_alive() {
            return Some(false);
        }
        match probe::check(workspace, service, process) {
            Ok(()) => return Some(true),
            Err(why) => *reason.borrow_mut() = why.chars().take(REASON_SHOWN_MAX).collect(),
        }
        if told.elapsed() >= TELL_INTERVAL {
            told = Instant::now();
            output::progress(format!("    not yet: {}", reason.borrow()));
        }
        None
    });
    match ready {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed("ended before it was ready")),
        Err(_) => {
            let reason = reason.borrow();
            Err(failed(&format!(
                "was not ready within {READY_TIMEOUT:?} ({reason})"
            )))
        }
    }
}
