//! The worker and what a test does with it.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Builder, Installed, Launch, Rest};
use crate::{
    Error, Result, logfile,
    mariadb::{own_dir::OwnDir, port},
    process::{OwnedChild, Start},
    wait,
};

/// How long a start may take until connectors are taken.
pub const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long [`ConnectServer::stop`] waits.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Free ports that others took before Connect could, in one start.
const PORT_TRIES_MAX: usize = 20;

/// What Connect logs when its port is taken.
const PORT_TAKEN: &str = "Address already in use";

const ERROR_LOG_LINES: usize = 60;

/// A running worker of Kafka Connect with Debezium's connector for MariaDB, on a loopback port. It remembers
/// its connectors and how far they are on its Kafka.
///
/// All methods take `&self`: share it between tests, kill it while others use it. Its port stays the same over
/// [`ConnectServer::start_again`]. Killed on drop, and with the process when it is never dropped.
///
/// ```no_run
/// use std::time::Duration;
/// use devstack::{
///     connect::{self, ConnectServer, OutboxConnector, Stores},
///     kafka::KafkaServer,
///     mariadb::MariaDbServer,
/// };
///
/// let kafka = KafkaServer::builder().start()?;
/// let mariadb = MariaDbServer::builder().row_binlog().start()?;
/// mariadb.sql(&connect::account_sql("secret", &[("shop", "order")]))?;
/// let stores = Stores {
///     database_host: "127.0.0.1",
///     database_port: mariadb.port(),
///     user: connect::USER,
///     password: "secret",
///     kafka: &kafka.bootstrap(),
/// };
/// let connect = ConnectServer::builder(&kafka.bootstrap()).stores(&stores).start()?;
/// let outbox = OutboxConnector::new("order", "shop", 5400);
/// connect.rest().register(&outbox.name(), &outbox.config())?;
/// connect.rest().wait_until_running(&outbox.name(), Duration::from_secs(60))?;
/// # Ok::<(), devstack::Error>(())
/// ```
#[derive(Debug)]
pub struct ConnectServer {
    child: Mutex<OwnedChild>,
    launch: Launch,
    env: Vec<(OsString, OsString)>,
    port: u16,
    // Properties and log. Last, so that the process is dead when it goes.
    own_dir: OwnDir,
}

impl ConnectServer {
    /// Settings with their defaults, of a worker on the brokers at `host:port[,host:port…]`.
    pub fn builder(kafka: &str) -> Builder {
        Builder::new(kafka)
    }

    pub(super) fn start(settings: &Builder) -> Result<Self> {
        let own_dir = OwnDir::make("connect")?;
        let installed = Installed::find(own_dir.path())?;
        let env: Vec<(OsString, OsString)> = settings
            .env
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        // Another process may take a port between finding and using it; then the next one is tried.
        for _ in 0..PORT_TRIES_MAX {
            let Some(port) = port::free() else { break };
            let launch = installed.prepare(own_dir.path(), port, settings)?;
            let mut child = begin(&launch, &env, &own_dir)?;
            let ended = || child.ended().map(|status| status.to_string());
            match wait_until_ready(&own_dir, port, ended) {
                Err(Error::Ended { .. }) if log(&own_dir).contains(PORT_TAKEN) => {
                    // What the next one ends of is not this.
                    fs::remove_file(log_path(&own_dir)).map_err(Error::io("deleting a log"))?;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    return Ok(Self {
                        child: Mutex::new(child),
                        launch,
                        env,
                        port,
                        own_dir,
                    });
                }
            }
        }
        Err(Error::Protocol("no free port for Kafka Connect".to_owned()))
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// To register and watch connectors.
    #[must_use]
    pub fn rest(&self) -> Rest {
        Rest::new(&self.url())
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything it logged, in all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.own_dir)
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

    /// `SIGTERM`: its connectors finish what they sent, and it ends, within [`STOP_TIMEOUT`]. A paused one is
    /// resumed. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn stop(&self) -> Result<()> {
        self.child().ask_to_end()?;
        wait::until(STOP_TIMEOUT, "Kafka Connect ends", || {
            !self.child().is_running()
        })
    }

    /// Starts it on the same port and returns when it takes connectors; those it had go on by themselves.
    /// After [`ConnectServer::kill9`] they do so when the session of its former life has ended, some 6 s later.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs, else as [`Builder::start`]; also when its port was taken meanwhile.
    pub fn start_again(&self) -> Result<()> {
        {
            let mut child = self.child();
            if child.is_running() {
                return Err(Error::Running {
                    program: "Kafka Connect".to_owned(),
                });
            }
            *child = begin(&self.launch, &self.env, &self.own_dir)?;
        }
        wait_until_ready(&self.own_dir, self.port, || {
            self.child().ended().map(|status| status.to_string())
        })
    }

    /// `SIGSTOP`: it keeps its sockets and answers nobody. Returns when the kernel has stopped it.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn pause(&self) -> Result<()> {
        self.child().pause()
    }

    /// `SIGCONT` after [`ConnectServer::pause`].
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn resume(&self) -> Result<()> {
        self.child().resume()
    }

    fn child(&self) -> MutexGuard<'_, OwnedChild> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn begin(launch: &Launch, env: &[(OsString, OsString)], own_dir: &OwnDir) -> Result<OwnedChild> {
    let path = log_path(own_dir);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::io(format!("opening {}", path.display())))?;
    OwnedChild::start(Start {
        program: &launch.program,
        args: &launch.args,
        env,
        env_removed: &[],
        dir: Some(own_dir.path()),
        log,
    })
}

fn wait_until_ready(
    own_dir: &OwnDir,
    port: u16,
    mut ended: impl FnMut() -> Option<String>,
) -> Result<()> {
    let what = "Kafka Connect takes connectors";
    let rest = Rest::new(&url(port));
    wait::until_some(START_TIMEOUT, what, || {
        if let Some(status) = ended() {
            return Some(Err(Error::Ended {
                what: what.to_owned(),
                status,
                log: logfile::tail(&log_path(own_dir), ERROR_LOG_LINES),
            }));
        }
        rest.is_ready().then_some(Ok(()))
    })?
}

fn log_path(own_dir: &OwnDir) -> PathBuf {
    own_dir.path().join("connect.log")
}

fn log(own_dir: &OwnDir) -> String {
    let bytes = fs::read(log_path(own_dir)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
