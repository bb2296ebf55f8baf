//! The MariaDB programs of this machine.

use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Error, Result, command, program};

/// How long [`Installed::initialise`] may take; half a second is usual.
pub const INITIALISE_TIMEOUT: Duration = Duration::from_secs(120);

const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// Size of the redo log that a fresh data folder is made with; a server resizes it at its start.
const FIRST_LOG_FILE_SIZE: &str = "8M";

/// The MariaDB programs found on PATH.
#[derive(Debug, Clone)]
pub struct Installed {
    server: PathBuf,
    client: PathBuf,
    installer: PathBuf,
    version: String,
}

impl Installed {
    /// Finds them on PATH.
    ///
    /// # Errors
    /// [`Error::Missing`] when one is not there.
    pub fn find() -> Result<Self> {
        let server = program::find("mariadbd")?;
        let mut ask = Command::new(&server);
        let said = command::finish(ask.args(["--no-defaults", "--version"]), VERSION_TIMEOUT)?;
        let version = version(&said.stdout).unwrap_or("unknown");
        Ok(Self {
            version: version.to_owned(),
            client: program::find("mariadb")?,
            installer: program::find("mariadb-install-db")?,
            server,
        })
    }

    /// The server, `mariadbd`.
    #[must_use]
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// The command-line client, `mariadb`.
    #[must_use]
    pub fn client(&self) -> &Path {
        &self.client
    }

    /// Of the server, such as `10.11.14-MariaDB-0+deb12u2`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Makes a data folder with the system tables and one account, `root` without a password, which only
    /// this machine's unix socket admits; then runs `sql`, one statement a line.
    ///
    /// # Errors
    /// [`Error::Ended`] with the installer's words; [`Error::TimedOut`]; [`Error::Io`].
    pub fn initialise(&self, dir: &Path, sql: &str) -> Result<()> {
        fs::create_dir_all(dir).map_err(Error::io(format!("making {}", dir.display())))?;
        // A MariaDB that starts deletes the temporary tables in its folder, another's too.
        let temporary = tempfile::tempdir().map_err(Error::io("making a temporary folder"))?;
        // May hold a password: a temporary file is for its owner only.
        let mut file =
            tempfile::NamedTempFile::new_in(&temporary).map_err(Error::io("making an SQL file"))?;
        write!(file, "{LOCAL_ROOT_ONLY}{sql}").map_err(Error::io("writing an SQL file"))?;
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let mut install = Command::new(&self.installer);
        install
            .env("TMPDIR", temporary.path())
            .arg("--no-defaults")
            .args(as_this_user())
            .arg(option("--datadir=", dir))
            .arg(option("--extra-file=", file.path()))
            .args([
                "--skip-test-db",
                "--skip-name-resolve",
                "--auth-root-authentication-method=normal",
            ])
            .arg(format!("--innodb-log-file-size={FIRST_LOG_FILE_SIZE}"));
        let finished = command::finish(&mut install, INITIALISE_TIMEOUT)?;
        // Its exit status does not tell of a statement that failed.
        let failed = finished.stdout.contains("ERROR") || finished.stderr.contains("ERROR");
        if finished.status.success() && !failed {
            return Ok(());
        }
        Err(Error::Ended {
            what: format!("making a MariaDB data folder in {}", dir.display()),
            status: finished.status.to_string(),
            log: finished.stdout + &finished.stderr,
        })
    }
}

/// The installer runs statements without the grant tables; the first line loads them, so that accounts can
/// be made. It has made accounts for a network that nobody here has, and a proxy right for one of them.
const LOCAL_ROOT_ONLY: &str = "\
FLUSH PRIVILEGES;
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');
DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';
FLUSH PRIVILEGES;
";

/// The option that MariaDB needs to run as root, which it otherwise refuses; `None` for other users.
#[must_use]
pub fn as_this_user() -> Option<&'static str> {
    rustix::process::geteuid()
        .is_root()
        .then_some("--user=root")
}

/// `mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu …`.
fn version(text: &str) -> Option<&str> {
    let mut words = text.split_ascii_whitespace();
    words.find(|word| *word == "Ver")?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_what_the_server_prints() {
        let debian = "mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64";
        assert_eq!(version(debian), Some("10.11.14-MariaDB-0+deb12u2"));
        assert_eq!(version("10.11"), None);
    }

    #[test]
    fn a_statement_that_fails_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let error = Installed::find()
            .unwrap()
            .initialise(&folder.path().join("data"), "CREATE NONSENSE;\n")
            .unwrap_err();
        assert!(matches!(error, Error::Ended { .. }), "{error}");
    }
}
