//! What the `CronJob` `mariadb-backup` runs, on a real MariaDB.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use devstack::mariadb::MariaDbServer;
use manifests::root;

use crate::{
    accounts,
    programs::environment,
    support::{PROD, of_kind, pods::workloads},
};

const PASSWORD: &str = "'drawn\\\"$";

fn lost() -> MariaDbServer {
    let mariadb = MariaDbServer::builder().row_binlog().start().unwrap();
    accounts::make(&mariadb, |_| PASSWORD.to_owned());
    mariadb
        .sql(
            "CREATE TABLE inventory.stock (sku VARCHAR(64) PRIMARY KEY, sold INT);
             INSERT INTO inventory.stock VALUES ('A', 3), ('Ü', 4);
             CREATE TABLE shop_order.orders (id INT PRIMARY KEY);
             INSERT INTO shop_order.orders VALUES (7);",
        )
        .unwrap();
    mariadb
}

/// Runs it as the pod does, with the pod's variables, but for where MariaDB is.
fn back_up(port: u16, password: &str, kept: u32, folder: &Path) -> Output {
    Command::new("bash")
        .arg(root().join("k8s/base/mariadb/backup.sh"))
        .arg(folder)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap())
        .env("BACKUP_FROM", format!("mysql://127.0.0.1:{port}"))
        .env("BACKUPS_KEPT", kept.to_string())
        .env("MYSQL_PWD", password)
        .output()
        .unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_dump_can_be_put_back_and_the_oldest_go() {
    let lost = lost();
    let folder = tempfile::tempdir().unwrap();
    for day in 1..=9 {
        let old = format!("all-2026010{day}T181700Z.sql.gz");
        fs::write(folder.path().join(old), "").unwrap();
    }
    fs::write(folder.path().join("note.txt"), "not ours").unwrap();
    // Of a run that goes on beside it, and of one that was killed two days ago.
    fs::write(folder.path().join("all.beside.part"), "").unwrap();
    let killed = fs::File::create(folder.path().join("all.killed.part")).unwrap();
    let two_days = Duration::from_secs(2 * 86_400);
    let then = killed.metadata().unwrap().modified().unwrap() - two_days;
    killed.set_modified(then).unwrap();
    // Fewer are kept: those that are too many go although the dump fails, so a full volume gets room.
    let failed = back_up(lost.port(), "wrong", 4, folder.path());
    assert!(!failed.status.success(), "{failed:?}");
    assert_eq!(names(folder.path()).len(), 4 + 2);
    let none = back_up(lost.port(), PASSWORD, 0, folder.path());
    assert_eq!(none.status.code(), Some(64), "{none:?}");
    assert_eq!(names(folder.path()).len(), 4 + 2);
    let made = back_up(lost.port(), PASSWORD, 3, folder.path());
    assert!(made.status.success(), "{made:?}");
    let left = names(folder.path());
    let [one, two, new, part, note] = left.as_slice() else {
        panic!("{left:?}");
    };
    assert_eq!(part, "all.beside.part");
    assert_eq!(one, "all-20260108T181700Z.sql.gz");
    assert_eq!(two, "all-20260109T181700Z.sql.gz");
    assert_eq!(note, "note.txt");

    // As docs/operations.md unpacks it.
    let unpacked = Command::new("gunzip")
        .arg("--stdout")
        .arg(folder.path().join(new))
        .output()
        .unwrap();
    let sql = String::from_utf8(unpacked.stdout).unwrap();
    assert!(sql.contains("MASTER_LOG_POS="), "no place in the log");
    assert!(
        sql.trim_end()
            .lines()
            .last()
            .unwrap()
            .contains("Dump completed")
    );
    let restored = MariaDbServer::builder().start().unwrap();
    restored.sql(&sql).unwrap();
    for query in [
        "SELECT * FROM inventory.stock ORDER BY sku",
        "SELECT * FROM shop_order.orders",
    ] {
        let before = lost.sql(query).unwrap();
        assert!(!before.is_empty());
        assert_eq!(restored.sql(query).unwrap(), before);
    }
}

#[test]
fn a_dump_that_fails_says_so_and_leaves_what_was_there() {
    let lost = lost();
    let folder = tempfile::tempdir().unwrap();
    let old = "all-20260101T181700Z.sql.gz";
    fs::write(folder.path().join(old), "").unwrap();
    let check = |failed: &Output| {
        assert!(!failed.status.success(), "{failed:?}");
        assert!(!failed.stderr.is_empty(), "{failed:?}");
        assert_eq!(names(folder.path()), [old]);
    };
    check(&back_up(lost.port(), "wrong", 1, folder.path()));
    // In the midst of it: one of the databases is not there.
    lost.sql("DROP DATABASE shop_user").unwrap();
    check(&back_up(lost.port(), PASSWORD, 1, folder.path()));
}

#[test]
fn the_pod_has_what_the_script_wants_and_what_reads_dumps_has_the_same_volume() {
    let all = workloads(&PROD);
    let pod = all
        .iter()
        .find(|one| one.name() == "mariadb-backup")
        .unwrap();
    let env = environment(&pod.containers()[0], &PROD);
    let mut variables: Vec<&str> = env.iter().map(|(name, _)| name.as_str()).collect();
    variables.sort_unstable();
    assert_eq!(variables, ["BACKUPS_KEPT", "BACKUP_FROM", "MYSQL_PWD"]);
    let maps = of_kind(&PROD, "ConfigMap").filter_map(|map| map["data"]["backup.sh"].as_str());
    let script = fs::read_to_string(root().join("k8s/base/mariadb/backup.sh")).unwrap();
    assert_eq!(maps.collect::<Vec<_>>(), [script]);
}
