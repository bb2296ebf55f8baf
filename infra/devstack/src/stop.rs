//! Stopping a server of the stack.

use std::{cmp::Reverse, io, time::Duration};

use devstack::wait;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    failure::Failure,
    output,
    service::Service,
    state::{Process, State},
    workspace::Workspace,
};

/// How long a server may finish what it is doing before it is killed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(45);

/// How long the kernel may take to remove a killed process.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// Stops it if it runs, and forgets it.
pub(crate) fn stop(workspace: &Workspace, state: &mut State, name: &str) -> Result<(), Failure> {
    if let Some(process) = state.processes.get(name) {
        end(name, process.pid, || process.is_alive())?;
    }
    state.processes.remove(name);
    state.save(workspace)
}

/// `SIGTERM`, and `SIGKILL` when that did not do it in time. `is_alive` tells our process from another one
/// that got its pid.
pub(crate) fn end(name: &str, pid: u32, is_alive: impl Fn() -> bool) -> Result<(), Failure> {
    if !is_alive() {
        return Ok(());
    }
    signal(name, pid, Signal::TERM)?;
    if wait::until(DRAIN_TIMEOUT, "it ends", || !is_alive()).is_ok() {
        return Ok(());
    }
    output::progress(format!(
        "    {name} (pid {pid}) still runs after {DRAIN_TIMEOUT:?}: killing it"
    ));
    signal(name, pid, Signal::KILL)?;
    wait::until(KILL_TIMEOUT, format!("{name} (pid {pid}) is gone"), || {
        !is_alive()
    })?;
    Ok(())
}

fn signal(name: &str, pid: u32, signal: Signal) -> Result<(), Failure> {
    let sent = match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        Some(pid) => kill_process(pid, signal),
        None => Ok(()),
    };
    match sent {
        // It ended in this moment.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => {
            let what = format!("signalling {name} (pid {pid}): {}", io::Error::from(error));
            Err(Failure::new(
                what,
                format!("stop it as the user who started it: kill {pid}"),
            ))
        }
    }
}

/// Everything that `up` started.
pub(crate) fn stop_all(workspace: &Workspace, state: &mut State) -> Result<(), Failure> {
    let mut processes: Vec<(String, Process)> = state.processes.clone().into_iter().collect();
    // Nobody loses a store that it still writes to.
    processes.sort_by_key(|(name, _)| Reverse(Service::rank(name)));
    for (name, process) in processes {
        let was = if process.is_alive() {
            "stopped"
        } else {
            "had ended already"
        };
        output::step(&format!("stopping {name}"), || {
            stop(workspace, state, &name)
        })?;
        output::line(format!("{name} {was} (pid {})", process.pid));
    }
    Ok(())
}
