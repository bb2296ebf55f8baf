//! A private redis-server.

mod aof;
mod builder;
mod resp;

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use builder::{Appendonly, Builder};
pub use resp::Reply;
use tempfile::TempDir;

use crate::{
    Error, Result, logfile,
    process::{OwnedChild, Start},
    program, wait,
};

/// How long a start may take until `PING` is answered; loading an append-only file is part of it.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long [`RedisServer::stop`] waits.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Free ports that others took before Redis could, in one start.
const PORT_TRIES_MAX: usize = 20;

const ERROR_LOG_LINES: usize = 30;

/// A running redis-server of one test, on a unix socket (and a port, with [`Builder::tcp`]).
///
/// All methods take `&self`: share it between tasks, kill it while others use it. Its socket and port stay
/// the same over [`RedisServer::start_again`]. Killed on drop.
///
/// ```no_run
/// use devstack::redis::{Appendonly, RedisServer};
///
/// let redis = RedisServer::builder().appendonly(Appendonly::Everysec).start()?;
/// redis.command(&["SET", "key", "value"])?;
/// redis.kill9()?;
/// redis.start_again()?;
/// # Ok::<(), devstack::Error>(())
/// ```
#[derive(Debug)]
pub struct RedisServer {
    child: Mutex<OwnedChild>,
    program: PathBuf,
    args: Vec<OsString>,
    dir: PathBuf,
    tcp_port: Option<u16>,
    // Socket, log and default data folder. Last, so that the process is dead when it goes.
    own_dir: TempDir,
}

impl RedisServer {
    /// Settings with their defaults: no append-only file, temporary folder, unix socket only.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn start(settings: Builder) -> Result<Self> {
        let program = program::find("redis-server")?;
        let own_dir = tempfile::Builder::new()
            .prefix("devstack-")
            .tempdir()
            .map_err(Error::io("making a temporary folder"))?;
        let dir = settings
            .dir
            .clone()
            .unwrap_or_else(|| own_dir.path().join("data"));
        fs::create_dir_all(&dir).map_err(Error::io(format!("making {}", dir.display())))?;
        let args = arguments(&settings, &dir, &own_dir.path().join("redis.sock"));
        let child = Mutex::new(launch(&program, &args, own_dir.path())?);
        let mut server = Self {
            child,
            program,
            args,
            dir,
            tcp_port: None,
            own_dir,
        };
        server.wait_until_ready()?;
        if settings.tcp {
            server.tcp_port = Some(server.listen_on_a_free_port()?);
        }
        Ok(server)
    }

    /// `redis+unix:///…` for the unix socket.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// `redis://127.0.0.1:PORT`; `None` unless started with [`Builder::tcp`].
    #[must_use]
    pub fn tcp_url(&self) -> Option<String> {
        self.tcp_port
            .map(|port| format!("redis://127.0.0.1:{port}"))
    }

    /// The loopback port; `None` unless started with [`Builder::tcp`].
    #[must_use]
    pub fn tcp_port(&self) -> Option<u16> {
        self.tcp_port
    }

    /// Path of the unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.own_dir.path().join("redis.sock")
    }

    /// Folder with its data.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Everything it logged, in all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Process id; `None` when it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let mut child = self.child();
        child.is_running().then(|| child.pid())
    }

    /// Sends one command on a connection of its own and returns the reply; arguments are bytes. State that
    /// belongs to a connection (`MULTI`, `SELECT`) is gone with it. Takes at most 10 s.
    ///
    /// # Errors
    /// [`Error::Refused`] for an error reply; [`Error::Io`] when nobody answers; [`Error::TimedOut`].
    pub fn command<A: AsRef<[u8]>>(&self, args: &[A]) -> Result<Reply> {
        resp::command(&self.socket(), args)
    }

    /// `SIGKILL`; returns when it is gone. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    pub fn kill9(&self) -> Result<()> {
        self.child().kill9()
    }

    /// `SIGTERM`: Redis flushes its append-only file and ends, within [`STOP_TIMEOUT`]. A paused one is
    /// resumed. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn stop(&self) -> Result<()> {
        self.child().ask_to_end()?;
        wait::until(STOP_TIMEOUT, "redis-server ends", || {
            !self.child().is_running()
        })
    }

    /// Starts it on the same folder, socket and port, and returns when it answers `PING`.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs, else as [`Builder::start`]; also when its port was taken meanwhile.
    pub fn start_again(&self) -> Result<()> {
        {
            let mut child = self.child();
            if child.is_running() {
                return Err(self.running());
            }
            *child = launch(&self.program, &self.args, self.own_dir.path())?;
        }
        self.wait_until_ready()?;
        match self.tcp_port {
            Some(port) => self.listen_on(port),
            None => Ok(()),
        }
    }

    /// `SIGSTOP`: it keeps its sockets and answers nobody. Returns when the kernel has stopped it.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn pause(&self) -> Result<()> {
        self.child().pause()
    }

    /// `SIGCONT` after [`RedisServer::pause`].
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn resume(&self) -> Result<()> {
        self.child().resume()
    }

    /// The incremental append-only file that Redis appends to at present; a rewrite changes it.
    ///
    /// # Errors
    /// [`Error::Io`] when the server was started without an append-only file.
    pub fn aof_incr_file(&self) -> Result<PathBuf> {
        aof::incr_file(&self.dir)
    }

    /// Cuts the incremental append-only file of a stopped server to `bytes`: what a machine that lost power
    /// may have kept of it. Redis accepts a file that ends inside a command.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs; [`Error::Protocol`] when the file is shorter than that.
    pub fn truncate_aof_to(&self, bytes: u64) -> Result<()> {
        if self.child().is_running() {
            return Err(self.running());
        }
        aof::truncate(&self.aof_incr_file()?, bytes)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let what = "redis-server answers PING";
        wait::until_some(START_TIMEOUT, what, || {
            if let Some(status) = self.child().ended() {
                let log = logfile::tail(&self.log_path(), ERROR_LOG_LINES);
                let status = status.to_string();
                return Some(Err(Error::Ended {
                    what: what.to_owned(),
                    status,
                    log,
                }));
            }
            // While it loads its data, the answer is an error reply.
            self.command(&["PING"]).is_ok().then_some(Ok(()))
        })?
    }

    /// Another process may take the port between finding and using it; then the next one is tried.
    fn listen_on_a_free_port(&self) -> Result<u16> {
        let mut last = None;
        for _ in 0..PORT_TRIES_MAX {
            let port = free_port()?;
            match self.listen_on(port) {
                Ok(()) => return Ok(port),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::Protocol("no port was tried".to_owned())))
    }

    fn listen_on(&self, port: u16) -> Result<()> {
        self.command(&["CONFIG", "SET", "port", &port.to_string()])
            .map(drop)
    }

    fn log_path(&self) -> PathBuf {
        log_path(self.own_dir.path())
    }

    fn child(&self) -> MutexGuard<'_, OwnedChild> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Error {
        Error::Running {
            program: program::short_name(&self.program),
        }
    }
}

fn launch(program: &Path, args: &[OsString], own_dir: &Path) -> Result<OwnedChild> {
    let path = log_path(own_dir);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::io(format!("opening {}", path.display())))?;
    OwnedChild::start(Start {
        program,
        args,
        env: &[],
        env_removed: &[],
        dir: None,
        log,
    })
}

fn log_path(own_dir: &Path) -> PathBuf {
    own_dir.join("redis.log")
}

fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("finding a port"))?;
    let address = listener.local_addr().map_err(Error::io("finding a port"))?;
    Ok(address.port())
}

fn arguments(settings: &Builder, dir: &Path, socket: &Path) -> Vec<OsString> {
    let (appendonly, appendfsync) = match settings.appendonly {
        Appendonly::No => ("no", "everysec"),
        Appendonly::Everysec => ("yes", "everysec"),
        Appendonly::Always => ("yes", "always"),
    };
    let mut args: Vec<OsString> = Vec::new();
    let mut set = |name: &str, value: OsString| {
        args.push(format!("--{name}").into());
        args.push(value);
    };
    // The port is opened once the server is up (`listen_on`).
    set("port", "0".into());
    set("bind", "127.0.0.1".into());
    set("unixsocket", socket.into());
    set("unixsocketperm", "700".into());
    set("dir", dir.into());
    set("save", "".into());
    set("appendonly", appendonly.into());
    set("appendfsync", appendfsync.into());
    for (name, value) in &settings.extra {
        set(name, value.into());
    }
    args
}
