//! `accounts.sh` on a real MariaDB.

use std::{env, os::unix::fs::PermissionsExt as _, process::Command};

use devstack::mariadb::MariaDbServer;
use manifests::root;

use crate::support::output;

/// What the image has, here: a client as root.
const STAND_IN: &str = r#"
docker_process_sql() { cat >> "$SQL"; }
. k8s/base/mariadb/accounts.sh
"#;

/// Whom the script makes.
const ACCOUNTS: [&str; 8] = [
    "inventory",
    "auth",
    "user",
    "catalog",
    "order",
    "payment",
    "backup",
    "debezium",
];

/// What the script would have root type; `password` is that of an account.
pub(crate) fn made_by(password: impl Fn(&str) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.sql");
    let mut make = Command::new("bash");
    make.args(["-euc", STAND_IN])
        .current_dir(root())
        .env_clear();
    make.env("PATH", env::var_os("PATH").unwrap())
        .env("SQL", &file);
    for account in ACCOUNTS {
        let variable = format!("PASSWORD_{}", account.to_uppercase());
        make.env(variable, password(account));
    }
    output(&mut make);
    std::fs::read_to_string(&file).unwrap()
}

/// Puts the accounts into a server of the tests.
pub(crate) fn make(mariadb: &MariaDbServer, password: impl Fn(&str) -> String) {
    // The account of the test server has one of these names.
    mariadb
        .sql(
            "DROP USER IF EXISTS 'inventory'@'127.0.0.1', 'inventory'@'%', 'inventory'@'localhost'",
        )
        .unwrap();
    mariadb.sql(&made_by(password)).unwrap();
}

#[test]
fn each_account_owns_its_database_and_debezium_reads_outboxes_only() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    // Of a kind that needs to be quoted.
    make(&mariadb, |account| format!("{account}'\\\"$"));
    for (account, database) in [
        ("auth", "shop_auth"),
        ("order", "shop_order"),
        ("inventory", "inventory"),
    ] {
        let grants = mariadb
            .sql(&format!("SHOW GRANTS FOR '{account}'@'%'"))
            .unwrap();
        let databases = grants
            .lines()
            .filter(|line| line.contains("ALL PRIVILEGES"))
            .collect::<Vec<_>>();
        assert_eq!(databases.len(), 1, "{grants}");
        assert!(
            databases[0].contains(&format!("`{database}`.*")),
            "{grants}"
        );
        let password = format!("{account}\\'\\\\\"$");
        let right = mariadb.sql(&format!(
            "SELECT PASSWORD('{password}') = JSON_VALUE(Priv, '$.authentication_string') \
             FROM mysql.global_priv WHERE User = '{account}' AND Host = '%'"
        ));
        assert_eq!(right.unwrap().trim(), "1", "{account}");
    }
    let grants = mariadb.sql("SHOW GRANTS FOR 'backup'@'%'").unwrap();
    for writes in ["ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "CREATE"] {
        assert!(!grants.contains(writes), "{grants}");
    }
    let grants = mariadb.sql("SHOW GRANTS FOR 'debezium'@'%'").unwrap();
    assert!(!grants.contains("CREATE"), "{grants}");
    let tables: Vec<&str> = grants
        .lines()
        .filter(|line| line.contains("GRANT SELECT ON"))
        .collect();
    assert_eq!(tables.len(), 5, "{grants}");
    assert!(
        tables.iter().all(|line| line.contains("_outbox`")),
        "{grants}"
    );
    for right in ["RELOAD", "BINLOG MONITOR", "REPLICATION SLAVE"] {
        assert!(grants.contains(right), "{grants}");
    }
}

#[test]
fn the_scripts_that_people_call_can_be_called() {
    for script in [
        "k8s/make-secrets.sh",
        "k8s/base/mariadb/backup.sh",
        "infra/docker/rehearse",
        "infra/docker/healthy.sh",
        "infra/docker/skeleton.sh",
    ] {
        let mode = std::fs::metadata(root().join(script))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{script}");
    }
}
