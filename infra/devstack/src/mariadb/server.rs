//! The server and what a test does with it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use super::{Builder, Durability, Installed, greets, installed::as_this_user, template};
use crate::{
    Error, Result, command,
    own_dir::OwnDir,
    random,
    server::{self, Kind, Launch, Lives, Server},
};

/// How long a start may take until clients are greeted; repairing after a crash is part of it.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a stop may take.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// How long [`MariaDbServer::sql`] waits.
pub const SQL_TIMEOUT: Duration = Duration::from_secs(60);

/// The account of tests. The server listens on loopback only and holds nothing that is worth a secret.
pub(super) const USER: &str = "inventory";
pub(super) const PASSWORD: &str = "inventory";

/// A running MariaDB server, on a unix socket and a loopback port, with a data folder of its own.
///
/// Share it between tests, each with [`MariaDbServer::create_database`].
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
pub type MariaDbServer = Server<MariaDb>;

/// What a [`MariaDbServer`] is.
#[derive(Debug)]
pub struct MariaDb {
    installed: &'static Installed,
    port: u16,
}

impl Kind for MariaDb {
    const NAME: &'static str = "mariadbd";
    const READY: &'static str = "mariadbd greets its clients";
    const START_TIMEOUT: Duration = START_TIMEOUT;
    const STOP_TIMEOUT: Duration = STOP_TIMEOUT;
    const PORT_TAKEN: &'static str = "Bind on TCP/IP port";

    fn is_ready(&self, folder: &Path) -> bool {
        greets(&socket(folder))
    }
}

impl MariaDbServer {
    /// Settings with their defaults: every commit flushed, no binary log, a buffer pool of 64 MiB.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn begin(settings: &Builder) -> Result<Self> {
        let installed = installed()?;
        let own_dir = OwnDir::make("mariadb")?;
        template::copy_to(installed, &data_dir(own_dir.path()))?;
        Self::start(own_dir, |folder| {
            let port = server::free_port()?;
            let launch = Launch {
                program: installed.server().to_owned(),
                args: arguments(settings, folder, port),
            };
            let lives = Lives {
                launch,
                env: Vec::new(),
                in_own_dir: false,
            };
            Ok((MariaDb { installed, port }, lives))
        })
    }

    /// `mysql://USER:PASSWORD@127.0.0.1:PORT/DATABASE`, whether or not there is such a database. The account
    /// may do everything with every database, make and drop them too, but not administer the server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.kind.port
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
        let mut client = Command::new(self.kind.installed.client());
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
        self.kind.port
    }

    /// Path of the unix socket, where `root` needs no password.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(self.folder())
    }

    /// Folder with its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.folder())
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

fn data_dir(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("mariadb.sock")
}

fn arguments(settings: &Builder, folder: &Path, port: u16) -> Vec<OsString> {
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
    set("datadir", &data_dir(folder));
    set("tmpdir", folder);
    set("socket", &socket(folder));
    set("pid-file", &folder.join("mariadb.pid"));
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
    args.extend(settings.extra.iter().cloned());
    args
}
