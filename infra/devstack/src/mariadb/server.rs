//! The server and what a test does with it.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use super::{
    Builder, Durability, Installed, greets, installed::as_this_user, own_dir::OwnDir, port, random,
    template,
};
use crate::{
    Error, Result, command, logfile,
    process::{OwnedChild, Start},
    program, wait,
};

/// How long a start may take until clients are greeted; repairing after a crash is part of it.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long [`MariaDbServer::stop`] waits.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// How long [`MariaDbServer::sql`] waits.
pub const SQL_TIMEOUT: Duration = Duration::from_secs(60);

/// The account of tests. The server listens on loopback only and holds nothing that is worth a secret.
pub(super) const USER: &str = "inventory";
pub(super) const PASSWORD: &str = "inventory";

/// Free ports that others took before MariaDB could, in one start.
const PORT_TRIES_MAX: usize = 20;

/// What MariaDB logs when its port is taken.
const PORT_TAKEN: &str = "Bind on TCP/IP port";

const ERROR_LOG_LINES: usize = 30;

/// A running MariaDB server, on a unix socket and a loopback port, with a data folder of its own.
///
/// All methods take `&self`: share it between tests (each with [`MariaDbServer::create_database`]), kill it
/// while others use it. Socket and port stay the same over [`MariaDbServer::start_again`]. Killed on drop,
/// and with the process when it is never dropped.
///
/// ```no_run
/// use devstack::mariadb::MariaDbServer;
///
/// let mariadb = MariaDbServer::builder().start()?;
/// let url = mariadb.create_database()?;
/// mariadb.kill9()?;
/// mariadb.start_again()?;
/// assert_eq!(mariadb.sql("SELECT 1 + 1")?, "2");
/// # Ok::<(), devstack::Error>(())
/// ```
#[derive(Debug)]
pub struct MariaDbServer {
    child: Mutex<OwnedChild>,
    installed: &'static Installed,
    args: Vec<OsString>,
    port: u16,
    // Socket, log and data. Last, so that the process is dead when it goes.
    own_dir: OwnDir,
}

impl MariaDbServer {
    /// Settings with their defaults: every commit flushed, no binary log, a buffer pool of 64 MiB.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn start(settings: &Builder) -> Result<Self> {
        let installed = installed()?;
        let own_dir = OwnDir::make("mariadb")?;
        template::copy_to(installed, &data_dir(&own_dir))?;
        // Another process may take the port between finding and using it; then the next one is tried.
        for _ in 0..PORT_TRIES_MAX {
            let Some(port) = port::free() else { break };
            let args = arguments(settings, &own_dir, port);
            let mut child = launch(installed, &args, &own_dir)?;
            match wait_until_ready(&own_dir, || child.ended().map(|status| status.to_string())) {
                Err(Error::Ended { log, .. }) if log.contains(PORT_TAKEN) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    return Ok(Self {
                        child: Mutex::new(child),
                        installed,
                        args,
                        port,
                        own_dir,
                    });
                }
            }
        }
        Err(Error::Protocol("no free port for MariaDB".to_owned()))
    }

    /// `mysql://USER:PASSWORD@127.0.0.1:PORT/DATABASE`, whether or not there is such a database. The account
    /// may do everything with every database, make and drop them too, but not administer the server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Makes an empty database with a name that nobody else has, and returns its URL.
    ///
    /// # Errors
    /// As [`MariaDbServer::sql`].
    pub fn create_database(&self) -> Result<String> {
        let name = format!("test_{:016x}", random::number());
        self.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }

    /// Gives the account of tests a right on everything, such as `BINLOG MONITOR`.
    ///
    /// # Errors
    /// As [`MariaDbServer::sql`].
    pub fn grant(&self, right: &str) -> Result<()> {
        self.sql(&format!("GRANT {right} ON *.* TO '{USER}'@'%'"))
            .map(drop)
    }

    /// Runs statements as root on a connection of its own and returns what they answer: a line for each row,
    /// columns apart by a tab, without names and without the last line end. Names of tables need their
    /// database (`db.table`), or a `USE db;` before them.
    ///
    /// # Errors
    /// [`Error::Sql`] with the client's words, also when nobody answers; [`Error::TimedOut`] after
    /// [`SQL_TIMEOUT`].
    pub fn sql(&self, statements: &str) -> Result<String> {
        let mut client = Command::new(self.installed.client());
        for name in [
            "MYSQL_PWD",
            "MYSQL_HOST",
            "MYSQL_TCP_PORT",
            "MYSQL_UNIX_PORT",
        ] {
            client.env_remove(name);
        }
        let mut socket = OsString::from("--socket=");
        socket.push(self.socket());
        client
            .args(["--no-defaults", "--protocol=socket"])
            .arg(socket)
            .args(["--user=root", "--default-character-set=utf8mb4"])
            .args(["--batch", "--skip-column-names", "--execute", statements]);
        let finished = command::finish(&mut client, SQL_TIMEOUT)?;
        if finished.status.success() {
            return Ok(finished.stdout.trim_end_matches('\n').to_owned());
        }
        Err(Error::Sql(finished.stderr.trim_end().to_owned()))
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path of the unix socket, where `root` needs no password.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.own_dir)
    }

    /// Folder with its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        data_dir(&self.own_dir)
    }

    /// Everything it logged, in all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(&self.own_dir)).unwrap_or_default()
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

    /// `SIGTERM`: it closes its files and ends, within [`STOP_TIMEOUT`]. A paused one is resumed. Does nothing
    /// when it has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn stop(&self) -> Result<()> {
        self.child().ask_to_end()?;
        wait::until(STOP_TIMEOUT, "mariadbd ends", || !self.child().is_running())
    }

    /// Starts it on the same data, socket and port, and returns when it greets its clients.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs, else as [`Builder::start`]; also when its port was taken meanwhile.
    pub fn start_again(&self) -> Result<()> {
        {
            let mut child = self.child();
            if child.is_running() {
                return Err(Error::Running {
                    program: program::short_name(self.installed.server()),
                });
            }
            *child = launch(self.installed, &self.args, &self.own_dir)?;
        }
        wait_until_ready(&self.own_dir, || {
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

    /// `SIGCONT` after [`MariaDbServer::pause`].
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

/// Looked for once: asking for the version starts a process.
fn installed() -> Result<&'static Installed> {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    match INSTALLED.get() {
        Some(installed) => Ok(installed),
        None => {
            let found = Installed::find()?;
            Ok(INSTALLED.get_or_init(|| found))
        }
    }
}

fn launch(installed: &Installed, args: &[OsString], own_dir: &OwnDir) -> Result<OwnedChild> {
    let path = log_path(own_dir);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::io(format!("opening {}", path.display())))?;
    OwnedChild::start(Start {
        program: installed.server(),
        args,
        env: &[],
        env_removed: &[],
        dir: None,
        log,
    })
}

fn wait_until_ready(own_dir: &OwnDir, mut ended: impl FnMut() -> Option<String>) -> Result<()> {
    let what = "mariadbd greets its clients";
    wait::until_some(START_TIMEOUT, what, || {
        if let Some(status) = ended() {
            return Some(Err(Error::Ended {
                what: what.to_owned(),
                status,
                log: logfile::tail(&log_path(own_dir), ERROR_LOG_LINES),
            }));
        }
        greets(&socket(own_dir)).then_some(Ok(()))
    })?
}

fn data_dir(own_dir: &OwnDir) -> PathBuf {
    own_dir.path().join("data")
}

fn socket(own_dir: &OwnDir) -> PathBuf {
    own_dir.path().join("mariadb.sock")
}

fn log_path(own_dir: &OwnDir) -> PathBuf {
    own_dir.path().join("mariadb.log")
}

fn arguments(settings: &Builder, own_dir: &OwnDir, port: u16) -> Vec<OsString> {
    let (flush, sync_binlog) = match settings.durability {
        Durability::Commit => ("1", "1"),
        // Written at the commit, so that only the machine can lose it.
        Durability::EverySecond => ("2", "0"),
    };
    // Its own folder only: no configuration of the machine.
    let mut args: Vec<OsString> = vec!["--no-defaults".into()];
    args.extend(as_this_user().map(OsString::from));
    let mut set = |name: &str, value: &Path| {
        let mut arg = OsString::from(format!("--{name}="));
        arg.push(value);
        args.push(arg);
    };
    set("datadir", &data_dir(own_dir));
    set("tmpdir", own_dir.path());
    set("socket", &socket(own_dir));
    set("pid-file", &own_dir.path().join("mariadb.pid"));
    let mut set = |name: &str, value: &str| args.push(format!("--{name}={value}").into());
    set("bind-address", "127.0.0.1");
    set("port", &port.to_string());
    set("skip-name-resolve", "ON");
    set("character-set-server", "utf8mb4");
    set("performance-schema", "OFF");
    set(
        "innodb-buffer-pool-size",
        &format!("{}M", settings.buffer_pool_mib),
    );
    set("innodb-log-file-size", "32M");
    set("innodb-flush-log-at-trx-commit", flush);
    // A test that waits for a lock would rather know.
    set("innodb-lock-wait-timeout", "5");
    set("lock-wait-timeout", "10");
    if settings.row_binlog {
        set("server-id", "1");
        set("log-bin", "binlog");
        set("binlog-format", "ROW");
        set("binlog-row-image", "FULL");
        set("sync-binlog", sync_binlog);
    } else {
        args.push("--skip-log-bin".into());
    }
    args.extend(settings.extra.iter().map(OsString::from));
    args
}
