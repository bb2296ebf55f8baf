//! The MariaDB of the stack: its data, its account, and asking it something.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use devstack::{command, mariadb::Installed, program};

use crate::{failure::Failure, output, private_file, workspace::Workspace};

/// The database of inventory-server's projection.
pub(crate) const DATABASE: &str = "inventory";

const USER: &str = "inventory";

/// 128 bits: nobody guesses it.
const PASSWORD_BYTES: usize = 16;

const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes what is missing of data folder, password and the client's settings. What is there stays.
pub(crate) fn prepare(
    workspace: &Workspace,
    installed: &Installed,
    port: u16,
) -> Result<(), Failure> {
    let folder = workspace.mariadb_dir();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(Failure::io(format!("making {}", folder.display())))?;
    let data = data_dir(workspace);
    if !data.exists() {
        output::progress("    making its data folder");
        let password = new_password()?;
        private_file::write(&password_file(workspace), &password)?;
        // Renamed when it is complete: a data folder that is there can be used.
        let new = folder.join("data.new");
        if new.exists() {
            fs::remove_dir_all(&new).map_err(Failure::io(format!("deleting {}", new.display())))?;
        }
        installed.initialise(&new, &account(&password))?;
        fs::rename(&new, &data).map_err(Failure::io(format!("making {}", data.display())))?;
    }
    let settings = format!(
        "[client]\nprotocol=tcp\nhost=127.0.0.1\nport={port}\nuser={USER}\npassword={}\n\
         default-character-set=utf8mb4\n",
        password(workspace)?
    );
    private_file::write(&client_settings(workspace), &settings)
}

/// With the password: for the environment of a server, never for a command line or a log.
pub(crate) fn url(workspace: &Workspace, port: u16) -> Result<String, Failure> {
    let password = password(workspace)?;
    Ok(format!(
        "mysql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
    ))
}

/// The command that connects a person, without the password.
pub(crate) fn connect_command(workspace: &Workspace) -> String {
    let settings = client_settings(workspace);
    format!(
        "mariadb --defaults-file={} {DATABASE}",
        workspace.shown(&settings)
    )
}

/// Whether it answers its account; the error says in a line why not.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    run(workspace, &["--execute", "SELECT 1"], CHECK_TIMEOUT)
        .map(drop)
        .map_err(|failure| failure.message)
}

/// The answer as a table for people; empty when there are no rows.
pub(crate) fn table(workspace: &Workspace, statement: &str) -> Result<String, Failure> {
    let args = ["--table", "--execute", statement, DATABASE];
    run(workspace, &args, QUERY_TIMEOUT)
}

/// A line for each row, columns apart by a tab, without their names.
pub(crate) fn rows(workspace: &Workspace, statement: &str) -> Result<String, Failure> {
    let args = [
        "--batch",
        "--skip-column-names",
        "--execute",
        statement,
        DATABASE,
    ];
    run(workspace, &args, QUERY_TIMEOUT)
}

fn run(workspace: &Workspace, args: &[&str], timeout: Duration) -> Result<String, Failure> {
    let mut settings = OsString::from("--defaults-file=");
    settings.push(client_settings(workspace));
    let mut client = Command::new(program::find("mariadb")?);
    client.arg(settings).args(args).env_remove("MYSQL_PWD");
    let finished = command::finish(&mut client, timeout)?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    let next = "cargo dev status, cargo dev logs mariadb";
    Err(Failure::new(finished.stderr.trim_end(), next))
}

pub(crate) fn data_dir(workspace: &Workspace) -> PathBuf {
    workspace.mariadb_dir().join("data")
}

fn client_settings(workspace: &Workspace) -> PathBuf {
    workspace.mariadb_dir().join("client.cnf")
}

fn password_file(workspace: &Workspace) -> PathBuf {
    workspace.mariadb_dir().join("password")
}

fn password(workspace: &Workspace) -> Result<String, Failure> {
    let path = password_file(workspace);
    let text = fs::read_to_string(&path).map_err(|error| {
        let message = format!("reading {}: {error}", path.display());
        Failure::new(message, "without it the data is of no use: cargo dev reset")
    })?;
    Ok(text.trim_end().to_owned())
}

/// It owns its database, which the worker makes.
fn account(password: &str) -> String {
    format!(
        "CREATE USER '{USER}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL ON `{DATABASE}`.* TO '{USER}'@'%';\n"
    )
}

fn new_password() -> Result<String, Failure> {
    let mut bytes = [0; PASSWORD_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(Failure::io("reading /dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_new_each_time_and_fit_for_a_url() {
        let (one, two) = (new_password().unwrap(), new_password().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 2 * PASSWORD_BYTES);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn what_was_prepared_stays_and_only_the_port_changes() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let installed = Installed::find().unwrap();
        prepare(&workspace, &installed, 3306).unwrap();
        let first = url(&workspace, 3306).unwrap();
        let marker = data_dir(&workspace).join("marker");
        fs::write(&marker, "").unwrap();
        prepare(&workspace, &installed, 3307).unwrap();
        assert!(marker.exists());
        assert_eq!(
            url(&workspace, 3307).unwrap(),
            first.replace("3306", "3307")
        );
        let settings = fs::read_to_string(client_settings(&workspace)).unwrap();
        assert!(settings.contains("port=3307"), "{settings}");
        let shown = connect_command(&workspace);
        let expected = "mariadb --defaults-file=.devstack/mariadb/client.cnf inventory";
        assert_eq!(shown, expected);
    }

    #[test]
    fn data_without_its_password_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        fs::create_dir_all(data_dir(&workspace)).unwrap();
        let failure = prepare(&workspace, &Installed::find().unwrap(), 3306).unwrap_err();
        assert!(failure.next.contains("cargo dev reset"), "{}", failure.next);
    }
}
