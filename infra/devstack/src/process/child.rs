//! A child process and the signals it is sent.

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::Path,
    process::{Child, ExitStatus},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::spawn::{spawn, tied_command};
use crate::{Error, Result, procfs, program, wait};

const SIGNAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A running child; killed and reaped on drop.
#[derive(Debug)]
pub(crate) struct OwnedChild {
    name: String,
    child: Child,
}

/// What a child is started with.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [OsString],
    pub(crate) env: &'a [(OsString, OsString)],
    pub(crate) env_removed: &'a [OsString],
    pub(crate) dir: Option<&'a Path>,
    /// Takes stdout and stderr.
    pub(crate) log: File,
}

impl OwnedChild {
    pub(crate) fn start(start: Start<'_>) -> Result<Self> {
        let name = program::short_name(start.program);
        let starting = || format!("starting {}", start.program.display());
        let mut command = tied_command(start.program, start.args);
        for variable in start.env_removed {
            command.env_remove(variable);
        }
        command.envs(start.env.iter().map(|(key, value)| (key, value)));
        if let Some(dir) = start.dir {
            command.current_dir(dir);
        }
        let log = start.log.try_clone().map_err(Error::io(starting()))?;
        command.stdout(start.log).stderr(log);
        let child = spawn(command).map_err(Error::io(starting()))?;
        Ok(Self { name, child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// `SIGKILL`; returns when it is gone. Does nothing to one that has ended.
    pub(crate) fn kill9(&mut self) -> Result<()> {
        self.child
            .kill()
            .map_err(Error::io(format!("killing {}", self.name)))?;
        self.child
            .wait()
            .map(drop)
            .map_err(Error::io(format!("waiting for {}", self.name)))
    }

    /// `SIGTERM`, without waiting. Does nothing to one that has ended.
    pub(crate) fn ask_to_end(&mut self) -> Result<()> {
        if self.is_running() {
            self.signal(Signal::TERM)?;
            // A stopped process would keep the signal for later. It may have ended by now.
            let _ = self.signal(Signal::CONT);
        }
        Ok(())
    }

    /// `SIGSTOP`; returns when the kernel has stopped it.
    pub(crate) fn pause(&mut self) -> Result<()> {
        self.signal(Signal::STOP)?;
        wait::until(SIGNAL_TIMEOUT, format!("{} is stopped", self.name), || {
            self.is_stopped()
        })
    }

    /// `SIGCONT`; returns when it runs again.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.signal(Signal::CONT)?;
        wait::until(SIGNAL_TIMEOUT, format!("{} runs again", self.name), || {
            !self.is_stopped()
        })
    }

    fn is_stopped(&self) -> bool {
        procfs::stat(self.pid()).is_some_and(|stat| stat.state == 'T')
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        // Once reaped, the pid may be somebody else's.
        if !self.is_running() {
            return Err(Error::NotRunning {
                program: self.name.clone(),
            });
        }
        let sent = match i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            Some(pid) => kill_process(pid, signal).map_err(io::Error::from),
            None => Err(io::Error::other("no such pid")),
        };
        sent.map_err(Error::io(format!("signalling {}", self.name)))
    }
}

impl Drop for OwnedChild {
    fn drop(&mut self) {
        // Fails only when it is gone already.
        let _ = self.kill9();
    }
}
