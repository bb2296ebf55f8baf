//! Any server binary, its output in a file, in the hands of a test.

mod builder;
mod child;
mod spawn;

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use builder::Builder;
pub(crate) use child::{OwnedChild, Start};

use crate::{Error, Result, logfile, own_dir::OwnDir, program, server, wait};

/// How long [`ServerProcess::terminate`] waits for the process to end.
pub const TERMINATE_TIMEOUT: Duration = Duration::from_secs(30);

const ERROR_LOG_LINES: usize = 30;

/// A running server. All methods take `&self`: share it between tasks, kill it while others use it.
///
/// ```no_run
/// use std::time::Duration;
/// use devstack::process::ServerProcess;
///
/// let server = ServerProcess::builder("inventory-server")
///     .args(["--listen", "127.0.0.1:0", "--log", "json"])
///     .without_env("INVENTORY_")
///     .start()?;
/// let line = server.wait_for_line(|line| line.contains("listening"), Duration::from_secs(10))?;
/// # Ok::<(), devstack::Error>(())
/// ```
#[derive(Debug)]
pub struct ServerProcess {
    settings: Builder,
    life: Mutex<Life>,
    log_path: PathBuf,
    // Last, so that the process is dead when its folder goes.
    _own_dir: Option<OwnDir>,
}

#[derive(Debug)]
struct Life {
    child: OwnedChild,
    /// Where the output of this life begins in the log file, in bytes.
    log_from: u64,
}

impl ServerProcess {
    /// Settings for `program`: a path, or a name to be found on PATH.
    pub fn builder(program: impl AsRef<Path>) -> Builder {
        Builder::new(program.as_ref())
    }

    fn start(mut settings: Builder) -> Result<Self> {
        if settings.program.components().count() == 1 {
            settings.program = program::find(&settings.program.to_string_lossy())?;
        }
        let (log_path, own_dir) = match settings.log_file.clone() {
            Some(path) => (path, None),
            None => {
                let dir = OwnDir::make("process")?;
                (dir.path().join("server.log"), Some(dir))
            }
        };
        let life = Mutex::new(Life::begin(&settings, &log_path)?);
        Ok(Self {
            settings,
            life,
            log_path,
            _own_dir: own_dir,
        })
    }

    /// Starts the same command once more, after it ended or was killed.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs; [`Error::Io`] when the system refuses.
    pub fn start_again(&self) -> Result<()> {
        let mut life = self.life();
        if life.child.is_running() {
            return Err(Error::Running {
                program: self.name(),
            });
        }
        *life = Life::begin(&self.settings, &self.log_path)?;
        Ok(())
    }

    /// Waits for a line of this life's output (stdout or stderr) that `wanted` accepts, and returns it
    /// without its line end. Lines written before the call count too; unfinished ones do not.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Ended`] with the last lines when the process ended without one.
    pub fn wait_for_line(
        &self,
        mut wanted: impl FnMut(&str) -> bool,
        timeout: Duration,
    ) -> Result<String> {
        let what = format!("{} prints the awaited line", self.name());
        let mut reader = LineReader::open(&self.log_path, self.life().log_from)?;
        wait::until_some(timeout, &what, || {
            // Asked before reading: what it wrote before it ended is seen.
            let ended = self.life().child.ended();
            match reader.next_where(&mut wanted) {
                Err(error) => Some(Err(error)),
                Ok(Some(line)) => Some(Ok(line)),
                Ok(None) => ended.map(|status| {
                    let log = logfile::tail(&self.log_path, ERROR_LOG_LINES);
                    Err(Error::Ended {
                        what: what.clone(),
                        status: status.to_string(),
                        log,
                    })
                }),
            }
        })?
    }

    /// Process id; `None` when it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let mut life = self.life();
        life.child.is_running().then(|| life.child.pid())
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.life().child.is_running()
    }

    /// The file with its output.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// All output so far, of every life; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log_path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// `SIGKILL`; returns when it is gone. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    pub fn kill9(&self) -> Result<()> {
        self.life().child.kill9()
    }

    /// `SIGTERM`; returns how it ended, within [`TERMINATE_TIMEOUT`]. A paused process is resumed. One that
    /// has ended before answers how it did.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn terminate(&self) -> Result<ExitStatus> {
        self.life().child.ask_to_end()?;
        self.wait_for_exit(TERMINATE_TIMEOUT)
    }

    /// Waits for it to end by itself, and returns how it ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn wait_for_exit(&self, timeout: Duration) -> Result<ExitStatus> {
        wait::until_some(timeout, format!("{} ends", self.name()), || {
            self.life().child.ended()
        })
    }

    /// `SIGSTOP`: it keeps its sockets and answers nobody. Returns when the kernel has stopped it.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn pause(&self) -> Result<()> {
        self.life().child.pause()
    }

    /// `SIGCONT` after [`ServerProcess::pause`].
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn resume(&self) -> Result<()> {
        self.life().child.resume()
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> String {
        program::short_name(&self.settings.program)
    }
}

impl Life {
    fn begin(settings: &Builder, log_path: &Path) -> Result<Self> {
        let log = server::appended(log_path)?;
        let log_from = log.metadata().map(|meta| meta.len()).unwrap_or_default();
        let child = OwnedChild::start(Start {
            program: &settings.program,
            args: &settings.args,
            env: &settings.env,
            env_removed: &settings.env_removed,
            dir: settings.dir.as_deref(),
            log,
        })?;
        Ok(Self { child, log_from })
    }
}

/// Reads complete lines of a growing file, each once.
#[derive(Debug)]
struct LineReader {
    file: File,
    unread: Vec<u8>,
}

impl LineReader {
    fn open(path: &Path, from: u64) -> Result<Self> {
        let what = format!("reading {}", path.display());
        let mut file = File::open(path).map_err(Error::io(what.clone()))?;
        file.seek(SeekFrom::Start(from)).map_err(Error::io(what))?;
        Ok(Self {
            file,
            unread: Vec::new(),
        })
    }

    fn next_where(&mut self, wanted: &mut impl FnMut(&str) -> bool) -> Result<Option<String>> {
        self.file
            .read_to_end(&mut self.unread)
            .map_err(Error::io("reading a log file"))?;
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let bytes: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\n', '\r']);
            if wanted(line) {
                return Ok(Some(line.to_owned()));
            }
        }
        Ok(None)
    }
}
