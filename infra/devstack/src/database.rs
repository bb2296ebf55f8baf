//! The MariaDB of the stack: its data, its account, and asking it something.

use std::{
    ffi::OsString, fs, os::unix::fs::DirBuilderExt as _, path::PathBuf, process::Command,
    time::Duration,
};

use devstack::{command, mariadb::Installed, program};

use crate::{
    debezium,
    failure::Failure,
    output, private_file, secrets,
    service::{Program, Service},
    stack::Stack,
    workspace::Workspace,
};

/// The database of inventory-server's projection.
pub(crate) const DATABASE: &str = "inventory";

const USER: &str = "inventory";

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
        let password = secrets::draw()?;
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
pub(crate) fn url(workspace: &Workspace, port: u16, database: &str) -> Result<String, Failure> {
    let user = user_of(database);
    let password = if database == DATABASE {
        password(workspace)?
    } else {
        account_password(workspace, database)?
    };
    Ok(format!(
        "mysql://{user}:{password}@127.0.0.1:{port}/{database}"
    ))
}

/// The owner of a database: the accounts of the services have the names of theirs.
fn user_of(database: &str) -> &str {
    if database == DATABASE { USER } else { database }
}

/// Makes the accounts that are missing, each the owner of one database, on a server that runs.
pub(crate) fn make_accounts(workspace: &Workspace, stack: Stack) -> Result<(), Failure> {
    let mut statements = String::new();
    let programs = stack.built().filter_map(Service::program);
    let names: Vec<&str> = programs.flat_map(Program::databases).collect();
    for &name in &names {
        if name != DATABASE {
            let password = account_password(workspace, name)?;
            // In the name of a grant, `_` stands for any character.
            let pattern = name.replace('_', "\\_");
            statements += &owner(name, &password, &pattern);
        }
    }
    if stack == Stack::Debezium {
        statements += &debezium::account(workspace, stack)?;
        // Who takes away rows that are published asks how far the binlog is.
        for name in names {
            let user = user_of(name);
            statements += &format!("GRANT BINLOG MONITOR ON *.* TO '{user}'@'%';\n");
        }
    }
    if statements.is_empty() {
        return Ok(());
    }
    let (mut client, failed) = (root(workspace)?, "making accounts");
    client.arg("--database=mysql");
    // By its input: a command line is seen by everybody.
    as_root(client, &statements, failed).map(drop)
}

/// Of any database of the stack, as a table for people; empty when there are no rows.
pub(crate) fn shop_table(workspace: &Workspace, statement: &str) -> Result<String, Failure> {
    let mut client = root(workspace)?;
    client.arg("--table");
    as_root(client, statement, "asking MariaDB")
}

/// Of any database of the stack: a line for each row, columns apart by a tab, without their names.
pub(crate) fn shop_rows(workspace: &Workspace, statement: &str) -> Result<String, Failure> {
    let mut client = root(workspace)?;
    client.args(["--batch", "--skip-column-names"]);
    as_root(client, statement, "asking MariaDB")
}

/// The command that connects a person to all databases.
pub(crate) fn root_command(workspace: &Workspace) -> String {
    let socket = workspace.mariadb_dir().join("mariadb.sock");
    format!(
        "mariadb --no-defaults --user=root --default-character-set=utf8mb4 --socket={}",
        workspace.shown(&socket)
    )
}

/// The client, who needs no password on the socket.
fn root(workspace: &Workspace) -> Result<Command, Failure> {
    // Relative, as the server has it: the path of a unix socket has to stay under 108 bytes.
    let mut client = Command::new(program::find("mariadb")?);
    client
        .args(["--no-defaults", "--protocol=socket", "--user=root"])
        .args(["--socket=mariadb.sock", "--default-character-set=utf8mb4"])
        .current_dir(workspace.mariadb_dir());
    Ok(client)
}

fn as_root(mut client: Command, statements: &str, what: &str) -> Result<String, Failure> {
    let finished = command::finish_with(&mut client, statements, QUERY_TIMEOUT)?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    let message = format!("{what}: {}", finished.stderr.trim_end());
    Err(Failure::new(message, "cargo dev logs mariadb"))
}

/// Of an account that owns the database of its name, or reads the binlog.
pub(crate) fn account_password(workspace: &Workspace, user: &str) -> Result<String, Failure> {
    secrets::get(workspace, &format!("mariadb-{user}"))
}

fn owner(user: &str, password: &str, database: &str) -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{user}'@'%';\n\
         ALTER USER '{user}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL ON `{database}`.* TO '{user}'@'%';\n"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_prepared_stays_and_only_the_port_changes() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let installed = Installed::find().unwrap();
        prepare(&workspace, &installed, 3306).unwrap();
        let first = url(&workspace, 3306, DATABASE).unwrap();
        let marker = data_dir(&workspace).join("marker");
        fs::write(&marker, "").unwrap();
        prepare(&workspace, &installed, 3307).unwrap();
        assert!(marker.exists());
        assert_eq!(
            url(&workspace, 3307, DATABASE).unwrap(),
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
