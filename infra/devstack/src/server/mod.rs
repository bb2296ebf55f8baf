//! What all private servers have in common: started, waited for, stopped, killed, started again.

mod port;

use std::{
    ffi::OsString,
    fmt::Debug,
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use port::free as free_port;

use crate::{
    Error, Result, logfile,
    own_dir::OwnDir,
    process::{OwnedChild, Start},
    wait,
};

/// Free ports that others took before a server could, in one start.
pub(crate) const PORT_TRIES_MAX: usize = 20;

const LOG: &str = "server.log";

const ERROR_LOG_LINES: usize = 60;

/// What tells one sort of server from another. Only this crate has sorts.
pub trait Kind: Debug {
    /// As errors say it.
    const NAME: &'static str;
    /// What a start is waited for, as a statement.
    const READY: &'static str;
    /// How long a start may take until that holds.
    const START_TIMEOUT: Duration;
    /// How long [`Server::stop`] waits.
    const STOP_TIMEOUT: Duration;
    /// What is in its log when somebody has taken its port.
    const PORT_TAKEN: &'static str;

    /// Whether clients are answered; `folder` is the server's own.
    fn is_ready(&self, folder: &Path) -> bool;

    /// What is to be done each time it has become ready.
    ///
    /// # Errors
    /// Those of the sort.
    fn when_ready(&self, folder: &Path) -> Result<()> {
        let _ = folder;
        Ok(())
    }
}

/// How a server is started.
#[derive(Debug)]
pub struct Launch {
    /// The program, by its whole path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// How a private server is started each time.
#[derive(Debug)]
pub(crate) struct Lives {
    pub(crate) launch: Launch,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// The server's own folder, where it does not go to its data by itself.
    pub(crate) in_own_dir: bool,
}

/// A running server, private to who started it, with a folder of its own.
///
/// All methods take `&self`: share it between tests, kill it while others use it. Where it listens stays the
/// same over [`Server::start_again`]. Killed on drop, and with the process when it is never dropped.
#[derive(Debug)]
pub struct Server<K> {
    pub(crate) kind: K,
    child: Mutex<OwnedChild>,
    lives: Lives,
    // Log and data. Last, so that the process is dead when it goes.
    own_dir: OwnDir,
}

impl<K: Kind> Server<K> {
    /// Starts what `prepare` says, and returns when it is ready. Another process may take a port between
    /// finding and using it; then it is prepared once more.
    pub(crate) fn start(
        own_dir: OwnDir,
        mut prepare: impl FnMut(&Path) -> Result<(K, Lives)>,
    ) -> Result<Self> {
        for _ in 0..PORT_TRIES_MAX {
            let folder = own_dir.path();
            let (kind, lives) = prepare(folder)?;
            let mut child = begin(&lives, folder)?;
            match wait_until_ready(&kind, folder, || child.ended()) {
                Err(Error::Ended { .. }) if log(folder).contains(K::PORT_TAKEN) => {
                    // What the next one ends of is not this.
                    fs::remove_file(folder.join(LOG)).map_err(Error::io("deleting a log"))?;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    return Ok(Self {
                        kind,
                        child: Mutex::new(child),
                        lives,
                        own_dir,
                    });
                }
            }
        }
        Err(Error::Protocol(format!("no free port for {}", K::NAME)))
    }

    /// Everything it logged, in all its lives; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn log(&self) -> String {
        log(self.folder())
    }

    /// Process id; `None` when it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let mut child = self.child();
        child.is_running().then(|| child.pid())
    }

    /// `SIGKILL`; returns when it is gone. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    pub fn kill9(&self) -> Result<()> {
        self.child().kill9()
    }

    /// `SIGTERM`: it finishes what it does, closes its files and ends, within [`Kind::STOP_TIMEOUT`]. A paused
    /// one is resumed. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn stop(&self) -> Result<()> {
        self.child().ask_to_end()?;
        wait::until(K::STOP_TIMEOUT, format!("{} ends", K::NAME), || {
            !self.child().is_running()
        })
    }

    /// Starts it on the same data, listening where it did, and returns when it is ready.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs; [`Error::Ended`] with its log, also when its port was taken
    /// meanwhile; [`Error::TimedOut`].
    pub fn start_again(&self) -> Result<()> {
        {
            let mut child = self.child();
            if child.is_running() {
                return Err(Self::running());
            }
            *child = begin(&self.lives, self.folder())?;
        }
        wait_until_ready(&self.kind, self.folder(), || self.child().ended())
    }

    /// `SIGSTOP`: it keeps its sockets and answers nobody. Returns when the kernel has stopped it.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn pause(&self) -> Result<()> {
        self.child().pause()
    }

    /// `SIGCONT` after [`Server::pause`].
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn resume(&self) -> Result<()> {
        self.child().resume()
    }

    /// With its log, and with its data where they have no other place.
    pub(crate) fn folder(&self) -> &Path {
        self.own_dir.path()
    }

    pub(crate) fn running() -> Error {
        Error::Running {
            program: K::NAME.to_owned(),
        }
    }

    fn child(&self) -> MutexGuard<'_, OwnedChild> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin(lives: &Lives, folder: &Path) -> Result<OwnedChild> {
    OwnedChild::start(Start {
        program: &lives.launch.program,
        args: &lives.launch.args,
        env: &lives.env,
        env_removed: &[],
        dir: lives.in_own_dir.then_some(folder),
        log: appended(&folder.join(LOG))?,
    })
}

/// A file to append to.
pub(crate) fn appended(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(Error::io(format!("opening {}", path.display())))
}

fn wait_until_ready<K: Kind>(
    kind: &K,
    folder: &Path,
    mut ended: impl FnMut() -> Option<ExitStatus>,
) -> Result<()> {
    wait::until_some(K::START_TIMEOUT, K::READY, || {
        if let Some(status) = ended() {
            return Some(Err(Error::Ended {
                what: K::READY.to_owned(),
                status: status.to_string(),
                log: logfile::tail(&folder.join(LOG), ERROR_LOG_LINES),
            }));
        }
        kind.is_ready(folder).then_some(Ok(()))
    })??;
    kind.when_ready(folder)
}

fn log(folder: &Path) -> String {
    let bytes = fs::read(folder.join(LOG)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
