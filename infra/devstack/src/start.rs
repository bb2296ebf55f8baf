//! Starting a server of the stack, and waiting until it is ready.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use devstack::{logfile, wait as waiting};

use crate::{
    database, debezium, detach,
    failure::Failure,
    launch::Launch,
    output, probe,
    service::{Kind, Service},
    state::{Process, State},
    workspace::Workspace,
};

/// How long a server may take from its start until it is ready; loading its data is part of it.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The same for what runs on Java, on a machine that is busy.
const JAVA_READY_TIMEOUT: Duration = Duration::from_secs(180);

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

/// Waits until it does its work, as long as it and the `others` live, and sees to it that the others find there
/// what they need.
pub(crate) fn wait_until_useful(
    workspace: &Workspace,
    state: &State,
    service: &Service,
    others: &[&'static Service],
) -> Result<(), Failure> {
    wait(workspace, state, service, others)?;
    let url = state
        .processes
        .get(service.name)
        .map(|process| &process.url);
    match (&service.kind, url) {
        (Kind::MariaDb, _) => database::make_accounts(workspace, state.stack),
        (Kind::Connect, Some(url)) => debezium::register(state.stack, url),
        (Kind::Connect | Kind::Built(_) | Kind::Redis | Kind::Kafka | Kind::Prometheus, _) => {
            Ok(())
        }
    }
}

/// Waits until it does its work, as long as the process lives.
pub(crate) fn wait_until_ready(
    workspace: &Workspace,
    state: &State,
    service: &Service,
) -> Result<(), Failure> {
    wait(workspace, state, service, &[])
}

fn wait(
    workspace: &Workspace,
    state: &State,
    service: &Service,
    others: &[&'static Service],
) -> Result<(), Failure> {
    let Some(process) = state.processes.get(service.name) else {
        let message = format!("{} was not started", service.name);
        return Err(Failure::new(message, "start it: cargo dev up"));
    };
    let failed = |name: &str, process: &Process, why: &str| {
        let lines = logfile::tail(&process.log, SHOWN_LOG_LINES);
        let message = format!("{name} {why}; its last lines:\n{lines}");
        let log = workspace.shown(&process.log);
        Failure::new(message, format!("the whole log is {log}"))
    };
    let dead_other = || {
        let mut others = others.iter().filter_map(|other| {
            let process = state.processes.get(other.name)?;
            Some((other.name, process))
        });
        others.find(|(_, process)| !process.is_alive())
    };
    let timeout = match service.kind {
        Kind::Kafka | Kind::Connect => JAVA_READY_TIMEOUT,
        Kind::Built(_) | Kind::Redis | Kind::MariaDb | Kind::Prometheus => READY_TIMEOUT,
    };
    let reason = RefCell::new(String::new());
    let mut told = Instant::now();
    let ready = waiting::until_some(timeout, "ready", || {
        if !process.is_alive() || dead_other().is_some() {
            return Some(false);
        }
        match probe::check(workspace, state.stack, service, process) {
            Ok(()) => return Some(true),
            Err(why) => *reason.borrow_mut() = why.chars().take(REASON_SHOWN_MAX).collect(),
        }
        if told.elapsed() >= output::TELL_INTERVAL {
            told = Instant::now();
            output::progress(format!("    not yet: {}", reason.borrow()));
        }
        None
    });
    match ready {
        Ok(true) => Ok(()),
        Ok(false) => {
            let (name, process) = dead_other().unwrap_or((service.name, process));
            Err(failed(name, process, "ended before all was ready"))
        }
        Err(_) => {
            let reason = reason.borrow();
            let why = format!("was not ready within {timeout:?} ({reason})");
            Err(failed(service.name, process, &why))
        }
    }
}
