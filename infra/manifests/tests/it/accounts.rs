//! The accounts of the stores, on real ones.

use std::{env, os::unix::fs::PermissionsExt as _, process::Command};

use devstack::{mariadb::MariaDbServer, program, redis::RedisServer};
use manifests::root;
use test_support::redis_login;

use crate::support::{output, secrets::DRAWN};

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
    for writes in [
        "ALL PRIVILEGES",
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "TRIGGER",
    ] {
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

/// The accounts of docs/tls.md, under which the tests of the engine and of auth-service run.
#[test]
fn whoever_counts_logins_sees_no_stock_and_nobody_of_ours_may_do_all() {
    let drawn = |secret: &str, key: &str| &*DRAWN[&(secret.to_owned(), key.to_owned())];
    let lines: Vec<&str> = drawn("redis", "auth.conf").lines().collect();
    let people = drawn("redis", "password");
    assert_eq!(lines[0], format!("requirepass {people}"));
    let password = |secret: &str, user: &str| {
        let url = drawn(secret, "redis-url");
        let rest = url.strip_prefix(&format!("redis://{user}:"));
        let (password, place) = rest.unwrap().split_once('@').unwrap();
        assert_eq!(place, "redis:6379");
        password.to_owned()
    };
    let (shop, auth) = (
        password("inventory-server", "shop"),
        password("auth-service", "auth"),
    );
    assert_eq!(password("sync-worker", "shop"), shop);
    for (line, login) in [
        (lines[1], redis_login("shop", &shop)),
        (lines[2], redis_login("auth", &auth)),
    ] {
        assert_eq!(line, format!("user {}", login[2..].join(" ")));
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.conf");
    std::fs::write(&file, lines[1..].join("\n")).unwrap();
    let redis = RedisServer::builder();
    let redis = redis
        .arg("include", file.to_str().unwrap())
        .start()
        .unwrap();
    let says = |user: &str, password: &str, command: &str| {
        let mut ask = Command::new(program::find("redis-cli").unwrap());
        ask.arg("-s").arg(redis.socket());
        ask.args(["--no-auth-warning", "--user", user, "--pass", password]);
        ask.args(command.split(' '));
        let answer = ask.output().unwrap();
        String::from_utf8(answer.stdout).unwrap()
    };
    assert_eq!(says("shop", &shop, "SET inv:{s0}:x 1"), "OK\n");
    assert!(says("shop", &shop, "CONFIG GET appendfsync").contains("appendfsync"));
    assert_eq!(says("auth", &auth, "SET auth:x 1"), "OK\n");
    for (user, password, command) in [
        ("shop", &shop, "GET auth:x"),
        ("shop", &shop, "FLUSHALL"),
        ("shop", &shop, "CONFIG SET appendonly no"),
        ("auth", &auth, "GET inv:{s0}:x"),
        ("auth", &auth, "KEYS *"),
    ] {
        let said = says(user, password, command);
        assert!(said.starts_with("NOPERM"), "{user}: {command}: {said}");
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
