use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Stdio,
};

use inventory_core::engine::Durability;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::{Child, Command};

use super::{
    EmbeddedError,
    control::{self, Answer},
    socket_path,
};
use crate::limits::{EMBEDDED_POLL, EMBEDDED_STOP_TIMEOUT};

/// The process: ours, or one that a server before us left behind.
#[derive(Debug)]
pub(super) enum Redis {
    Child(Child),
    Adopted(Pid),
}

/// What `--durability` means for the append-only file. There always is one.
const fn appendfsync(durability: Durability) -> &'static str {
    match durability {
        Durability::Always => "always",
        Durability::None | Durability::Everysec => "everysec",
    }
}

impl Redis {
    /// Takes over a Redis that still runs in `dir`.
    pub(super) async fn adopt(dir: &Path, durability: Durability) -> Option<Self> {
        let pid = running(dir)?;
        let socket = socket_path(dir);
        // It may still be loading; one that is about to end goes away.
        loop {
            match control::ask(&socket, "PING").await {
                Answer::Yes => break,
                Answer::No(_) => {}
                Answer::Nothing if test_kill_process(pid).is_ok() => {}
                Answer::Nothing => return None,
            }
            tokio::time::sleep(EMBEDDED_POLL).await;
        }
        let command = format!("CONFIG SET appendfsync {}", appendfsync(durability));
        if let Answer::No(error) = control::ask(&socket, &command).await {
            tracing::warn!(error, "the Redis that was left behind keeps its settings");
        }
        tracing::info!(
            pid = pid.as_raw_nonzero().get(),
            "adopted the Redis that a server before left running"
        );
        Some(Self::Adopted(pid))
    }

    /// Starts one and waits until it answers.
    pub(super) async fn start(dir: &Path, durability: Durability) -> Result<Self, EmbeddedError> {
        let socket = socket_path(dir);
        let log = dir.join("redis.log");
        let mut child = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--appendonly",
                "yes",
                "--daemonize",
                "no",
            ])
            .args([
                "--appendfsync",
                appendfsync(durability),
                "--no-appendfsync-on-rewrite",
                "no",
            ])
            .args([
                "--maxmemory-policy",
                "noeviction",
                "--unixsocketperm",
                "700",
            ])
            .arg("--unixsocket")
            .arg(&socket)
            .arg("--dir")
            .arg(dir)
            .arg("--pidfile")
            .arg(pid_path(dir))
            .arg("--logfile")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                if error.kind() == ErrorKind::NotFound {
                    EmbeddedError::NotInstalled
                } else {
                    EmbeddedError::Start {
                        reason: error.to_string(),
                        log: log.clone(),
                    }
                }
            })?;
        loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    return Err(EmbeddedError::Start {
                        reason: format!("it ended with {status}"),
                        log,
                    });
                }
                Err(error) => {
                    return Err(EmbeddedError::Start {
                        reason: error.to_string(),
                        log,
                    });
                }
            }
            // `No` is LOADING: a large file takes its time.
            if matches!(control::ask(&socket, "PING").await, Answer::Yes) {
                tracing::info!(pid = child.id(), dir = %dir.display(), "started an embedded Redis");
                return Ok(Self::Child(child));
            }
            tokio::time::sleep(EMBEDDED_POLL).await;
        }
    }

    /// Waits until it is gone and says how that came.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Self::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Adopted(pid) => {
                while test_kill_process(*pid).is_ok() {
                    tokio::time::sleep(EMBEDDED_POLL).await;
                }
                "unknown status (it was adopted)".to_owned()
            }
        }
    }

    /// Stops it: SIGTERM, and SIGKILL when it takes too long.
    pub(super) async fn stop(mut self) {
        let pid = match &self {
            Self::Child(child) => child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
            Self::Adopted(pid) => Some(*pid),
        };
        let Some(pid) = pid else { return };
        for signal in [Signal::TERM, Signal::KILL] {
            if let Err(error) = kill_process(pid, signal) {
                tracing::debug!(%error, "the embedded Redis is gone already");
            }
            match tokio::time::timeout(EMBEDDED_STOP_TIMEOUT, self.ended()).await {
                Ok(how) => return tracing::info!(how, "stopped the embedded Redis"),
                Err(_) => tracing::error!(?signal, "the embedded Redis does not end"),
            }
        }
    }
}

fn pid_path(dir: &Path) -> PathBuf {
    dir.join("redis.pid")
}

/// The Redis that the pid file names, if that process still is one and works in `dir`.
fn running(dir: &Path) -> Option<Pid> {
    let pid = fs::read_to_string(pid_path(dir))
        .ok()?
        .trim()
        .parse()
        .ok()
        .and_then(Pid::from_raw)?;
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let name = fs::read_to_string(proc.join("comm")).ok()?;
    let works_in = fs::read_link(proc.join("cwd")).ok()?;
    (name.trim() == "redis-server" && works_in == fs::canonicalize(dir).ok()?).then_some(pid)
}
