//! `status`: what runs.

use std::time::Duration;

use devstack::procfs;

use crate::{
    embedded_redis,
    failure::Failure,
    output, probe,
    service::Service,
    stack::Stack,
    state::{Process, State},
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let state = State::load(workspace)?;
    let redis = embedded_redis::pids(workspace);
    if state.processes.is_empty() && redis.is_empty() {
        output::line("nothing runs; start it: cargo dev up");
        return Ok(());
    }
    let mut rows = vec![
        ["name", "pid", "state", "url", "uptime", "log"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut failed = Vec::new();
    for (name, process) in &state.processes {
        let condition = condition(workspace, state.stack, name, process);
        if condition != Condition::Ready {
            failed.push(format!("{name} is {}", condition.word()));
        }
        rows.push(vec![
            name.clone(),
            process.pid.to_string(),
            condition.word().to_owned(),
            process.url.clone(),
            if condition == Condition::Dead {
                "-".to_owned()
            } else {
                uptime(process.pid)
            },
            workspace.shown(&process.log).to_string(),
        ]);
    }
    for pid in redis {
        let socket = embedded_redis::socket(pid).map(|socket| format!("unix:{socket}"));
        rows.push(vec![
            "redis (embedded)".to_owned(),
            pid.to_string(),
            "running".to_owned(),
            socket.unwrap_or_else(|| "-".to_owned()),
            uptime(pid),
            "-".to_owned(),
        ]);
    }
    output::table(&rows);
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        failed.join("; "),
        "cargo dev logs NAME shows why; cargo dev up starts it again",
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Ready,
    NotReady,
    Dead,
}

impl Condition {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Dead => "dead",
        }
    }
}

fn condition(workspace: &Workspace, stack: Stack, name: &str, process: &Process) -> Condition {
    if !process.is_alive() {
        return Condition::Dead;
    }
    let ready = Service::named(name)
        .is_ok_and(|service| probe::check(workspace, stack, service, process).is_ok());
    if ready {
        Condition::Ready
    } else {
        Condition::NotReady
    }
}

fn uptime(pid: u32) -> String {
    let age = procfs::stat(pid).and_then(|stat| procfs::age(stat.start_ticks));
    age.map_or_else(|| "-".to_owned(), short)
}

/// The two largest units: `3d 4h`, `2h 5m`, `5m 6s`, `7s`.
fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_is_two_units() {
        let shown = |seconds| short(Duration::from_secs(seconds));
        assert_eq!(shown(59), "59s");
        assert_eq!(shown(61), "1m 1s");
        assert_eq!(shown(2 * 3600 + 59), "2h 0m");
        assert_eq!(shown(90_000), "1d 1h");
    }
}
