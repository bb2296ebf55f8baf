//! A private redis-server.

mod aof;
mod builder;
mod cluster;
mod resp;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

pub use builder::{Appendonly, Builder};
pub use resp::Reply;

use crate::{
    Error, Result,
    own_dir::OwnDir,
    program,
    server::{self, Kind, Launch, Lives, PORT_TRIES_MAX, Server},
};

/// How long a start may take until `PING` is answered; loading an append-only file is part of it.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a stop may take; Redis flushes its append-only file.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running redis-server of one test, on a unix socket (and a port, with [`Builder::tcp`] or [`Builder::tls`]).
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
pub type RedisServer = Server<Redis>;

/// What a [`RedisServer`] is.
#[derive(Debug)]
pub struct Redis {
    dir: PathBuf,
    tcp_port: Option<u16>,
    tls_port: Option<u16>,
    cluster_port: Option<u16>,
}

/// Settings that name a port to listen on.
const TCP: &str = "port";
const TLS: &str = "tls-port";

impl Kind for Redis {
    const NAME: &'static str = "redis-server";
    const READY: &'static str = "redis-server answers PING";
    const START_TIMEOUT: Duration = START_TIMEOUT;
    const STOP_TIMEOUT: Duration = STOP_TIMEOUT;
    const PORT_TAKEN: &'static str = "Address already in use";

    /// While it loads its data, the answer is an error reply.
    fn is_ready(&self, folder: &Path) -> bool {
        resp::command(&socket(folder), &["PING"]).is_ok()
    }

    fn when_ready(&self, folder: &Path) -> Result<()> {
        for (setting, port) in [(TCP, self.tcp_port), (TLS, self.tls_port)] {
            if let Some(port) = port {
                listen_on(&socket(folder), setting, port)?;
            }
        }
        Ok(())
    }
}

impl RedisServer {
    /// Settings with their defaults: no append-only file, temporary folder, unix socket only.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn begin(settings: &Builder) -> Result<Self> {
        let program = program::find("redis-server")?;
        let mut server = Self::start(OwnDir::make("redis")?, |folder| {
            let dir = settings.dir.clone();
            let dir = dir.unwrap_or_else(|| folder.join("data"));
            fs::create_dir_all(&dir).map_err(Error::io(format!("making {}", dir.display())))?;
            let cluster_port = settings.cluster.then(server::free_port).transpose()?;
            let lives = Lives {
                launch: Launch {
                    program: program.clone(),
                    args: arguments(settings, &dir, &socket(folder), cluster_port),
                },
                env: Vec::new(),
                in_own_dir: false,
            };
            let redis = Redis {
                dir,
                tcp_port: None,
                tls_port: None,
                cluster_port,
            };
            Ok((redis, lives))
        })?;
        if settings.tcp {
            server.kind.tcp_port = Some(server.listen_on_a_free_port(TCP)?);
        }
        if settings.tls.is_some() {
            server.kind.tls_port = Some(server.listen_on_a_free_port(TLS)?);
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
        self.kind
            .tcp_port
            .map(|port| format!("redis://127.0.0.1:{port}"))
    }

    /// The loopback port; `None` unless started with [`Builder::tcp`].
    #[must_use]
    pub fn tcp_port(&self) -> Option<u16> {
        self.kind.tcp_port
    }

    /// `rediss://127.0.0.1:PORT`; `None` unless started with [`Builder::tls`].
    #[must_use]
    pub fn tls_url(&self) -> Option<String> {
        let port = self.kind.tls_port;
        port.map(|port| format!("rediss://127.0.0.1:{port}"))
    }

    /// Path of the unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(self.folder())
    }

    /// Folder with its data.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.kind.dir
    }

    /// Sends one command on a connection of its own and returns the reply; arguments are bytes. State that
    /// belongs to a connection (`MULTI`, `SELECT`) is gone with it. Takes at most 10 s.
    ///
    /// # Errors
    /// [`Error::Refused`] for an error reply; [`Error::Io`] when nobody answers; [`Error::TimedOut`].
    pub fn command<A: AsRef<[u8]>>(&self, args: &[A]) -> Result<Reply> {
        resp::command(&self.socket(), args)
    }

    /// The incremental append-only file that Redis appends to at present; a rewrite changes it.
    ///
    /// # Errors
    /// [`Error::Io`] when the server was started without an append-only file.
    pub fn aof_incr_file(&self) -> Result<PathBuf> {
        aof::incr_file(&self.kind.dir)
    }

    /// Cuts the incremental append-only file of a stopped server to `bytes`: what a machine that lost power
    /// may have kept of it. Redis accepts a file that ends inside a command.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs; [`Error::Protocol`] when the file is shorter than that.
    pub fn truncate_aof_to(&self, bytes: u64) -> Result<()> {
        if self.pid().is_some() {
            return Err(Self::running());
        }
        aof::truncate(&self.aof_incr_file()?, bytes)
    }

    /// Another process may take the port between finding and using it; then the next one is tried.
    fn listen_on_a_free_port(&self, setting: &str) -> Result<u16> {
        let mut last = None;
        for _ in 0..PORT_TRIES_MAX {
            let port = server::free_port()?;
            match listen_on(&self.socket(), setting, port) {
                Ok(()) => return Ok(port),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::Protocol("no port was tried".to_owned())))
    }
}

fn listen_on(socket: &Path, setting: &str, port: u16) -> Result<()> {
    resp::command(socket, &["CONFIG", "SET", setting, &port.to_string()]).map(drop)
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

fn arguments(
    settings: &Builder,
    dir: &Path,
    socket: &Path,
    cluster_port: Option<u16>,
) -> Vec<OsString> {
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
    if let Some((certificate, key)) = &settings.tls {
        set("tls-cert-file", certificate.into());
        set("tls-key-file", key.into());
        set("tls-auth-clients", "no".into());
    }
    if let Some(port) = cluster_port {
        set("cluster-enabled", "yes".into());
        set("cluster-port", port.to_string().into());
    }
    for (name, value) in &settings.extra {
        set(name, value.into());
    }
    args
}
