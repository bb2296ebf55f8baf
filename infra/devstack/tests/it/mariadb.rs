use std::{process::Command, thread, time::Duration};

use devstack::{
    Error, command,
    mariadb::{Durability, Installed, MariaDbServer},
    procfs, wait,
};

use crate::held;

/// Far longer than anything here takes, for a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// As the account in the URL, over TCP.
fn query(url: &str, statement: &str) -> Result<String, String> {
    let (account, place) = url["mysql://".len()..].split_once('@').unwrap();
    let (user, password) = account.split_once(':').unwrap();
    let (address, database) = place.split_once('/').unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let mut client = Command::new(Installed::find().unwrap().client());
    client.args(["--no-defaults", "--batch", "--skip-column-names"]);
    client.args(["--host", host, "--port", port, "--user", user]);
    client.arg(format!("--password={password}"));
    client.args(["--execute", statement, database]);
    let finished = command::finish(&mut client, SOON).unwrap();
    if finished.status.success() {
        Ok(finished.stdout.trim_end().to_owned())
    } else {
        Err(finished.stderr)
    }
}

fn database(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn a_server_answers_on_socket_and_port_and_is_gone_on_drop() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    assert_eq!(mariadb.sql("SELECT 1, 'a'; SELECT 2").unwrap(), "1\ta\n2");
    let url = mariadb.create_database().unwrap();
    assert_eq!(query(&url, "SELECT DATABASE()").unwrap(), database(&url));
    assert!(mariadb.log().contains("ready for connections"));
    let (pid, data) = (mariadb.pid().unwrap(), mariadb.data_dir());
    assert_eq!(procfs::name(pid).as_deref(), Some("mariadbd"));
    assert!(data.join(database(&url)).is_dir());
    drop(mariadb);
    assert_eq!(procfs::stat(pid), None);
    assert!(!data.exists());
}

#[test]
fn the_account_of_tests_makes_databases_but_does_not_administer() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let url = mariadb.create_database().unwrap();
    query(&url, "CREATE DATABASE mine; CREATE TABLE mine.t (x INT)").unwrap();
    query(&mariadb.url("mine"), "INSERT INTO t VALUES (1)").unwrap();
    assert!(query(&url, "SET GLOBAL read_only = 1").is_err());
    mariadb.sql("SET GLOBAL read_only = 1").unwrap();
    let refused = query(&mariadb.url("mine"), "INSERT INTO t VALUES (2)").unwrap_err();
    assert!(refused.contains("read-only"), "{refused}");
    // Root is for the socket only.
    let root = url.replace("inventory:inventory", "root:");
    assert!(query(&root, "SELECT 1").unwrap_err().contains("denied"));
}

#[test]
fn databases_of_one_server_do_not_know_each_other() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let (one, two) = thread::scope(|scope| {
        let make = || mariadb.create_database().unwrap();
        let (one, two) = (scope.spawn(make), scope.spawn(make));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_ne!(one, two);
    query(&one, "CREATE TABLE t (x INT)").unwrap();
    assert_eq!(query(&two, "SHOW TABLES").unwrap(), "");
}

#[test]
fn a_statement_that_fails_is_an_error_with_its_reason() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let error = mariadb.sql("SELECT * FROM nowhere.nothing").unwrap_err();
    assert!(
        matches!(&error, Error::Sql(text) if text.contains("doesn't exist")),
        "{error}"
    );
}

#[test]
fn two_servers_at_once_share_nothing() {
    let (one, two) = thread::scope(|scope| {
        let start = || MariaDbServer::builder().start().unwrap();
        let (one, two) = (scope.spawn(start), scope.spawn(start));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_ne!(one.port(), two.port());
    one.sql("CREATE DATABASE here").unwrap();
    assert!(!two.sql("SHOW DATABASES").unwrap().contains("here"));
}

#[test]
fn a_killed_server_keeps_what_was_committed() {
    for durability in [Durability::Commit, Durability::EverySecond] {
        let mariadb = MariaDbServer::builder()
            .durability(durability)
            .start()
            .unwrap();
        let url = mariadb.create_database().unwrap();
        query(&url, "CREATE TABLE t (x INT); INSERT INTO t VALUES (7)").unwrap();
        mariadb.kill9().unwrap();
        assert_eq!(mariadb.pid(), None);
        assert!(query(&url, "SELECT 1").is_err());
        mariadb.start_again().unwrap();
        assert_eq!(query(&url, "SELECT x FROM t").unwrap(), "7");
        mariadb.stop().unwrap();
        mariadb.start_again().unwrap();
        assert_eq!(query(&url, "SELECT x FROM t").unwrap(), "7");
        assert!(matches!(mariadb.start_again(), Err(Error::Running { .. })));
    }
}

#[test]
fn only_the_first_start_makes_a_data_folder() {
    drop(MariaDbServer::builder().start().unwrap());
    let mariadb = MariaDbServer::builder().start().unwrap();
    assert!(!mariadb.log().contains("InnoDB: Creating system tablespace"));
}

#[test]
fn settings_reach_the_server() {
    let mariadb = MariaDbServer::builder()
        .buffer_pool_mib(96)
        .durability(Durability::EverySecond)
        .arg("max-connections", "20")
        .start()
        .unwrap();
    let setting = |name: &str| mariadb.sql(&format!("SELECT @@GLOBAL.{name}")).unwrap();
    assert_eq!(setting("innodb_buffer_pool_size"), "100663296");
    assert_eq!(setting("innodb_flush_log_at_trx_commit"), "2");
    assert_eq!(setting("max_connections"), "20");
    assert_eq!(setting("log_bin"), "0");
    assert_eq!(setting("bind_address"), "127.0.0.1");
    assert_eq!(setting("character_set_server"), "utf8mb4");
}

#[test]
fn change_data_capture_finds_a_binary_log_of_rows() {
    let mariadb = MariaDbServer::builder().row_binlog().start().unwrap();
    let settings = "SELECT @@log_bin, @@binlog_format, @@binlog_row_image, @@server_id";
    assert_eq!(mariadb.sql(settings).unwrap(), "1\tROW\tFULL\t1");
    assert!(mariadb.data_dir().join("binlog.000001").is_file());
}

#[test]
fn a_setting_that_does_not_exist_is_explained() {
    let error = MariaDbServer::builder()
        .arg("no-such-setting", "1")
        .start()
        .unwrap_err();
    assert!(
        matches!(&error, Error::Ended { log, .. } if log.contains("no-such-setting")),
        "{error}"
    );
}

#[test]
fn a_paused_server_answers_after_it_is_resumed() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    mariadb.pause().unwrap();
    thread::scope(|scope| {
        let answer = scope.spawn(|| mariadb.sql("SELECT 1"));
        let answered = || answer.is_finished();
        wait::until(Duration::from_millis(100), "answers", answered).unwrap_err();
        mariadb.resume().unwrap();
        assert_eq!(answer.join().unwrap().unwrap(), "1");
    });
    mariadb.pause().unwrap();
    mariadb.stop().unwrap();
    assert!(matches!(mariadb.resume(), Err(Error::NotRunning { .. })));
}

/// Not a test of its own: the next test runs it in a process that it kills.
#[test]
fn hold_a_server_for_the_next_test() {
    if held::is_asked() {
        let mariadb = MariaDbServer::builder().start().unwrap();
        held::until_killed(mariadb.pid().unwrap());
    }
}

#[test]
fn a_server_dies_with_a_killed_test_process() {
    if !held::servers_are_tied() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (test, pid) = held::hold("mariadb::hold_a_server_for_the_next_test", folder.path());
    assert!(procfs::stat(pid).is_some());
    test.kill9().unwrap();
    let gone = || procfs::stat(pid).is_none_or(|stat| stat.is_zombie());
    wait::until(SOON, "the server of a killed process ends", gone).unwrap();
}
