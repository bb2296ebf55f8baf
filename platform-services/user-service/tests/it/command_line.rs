//! The binary itself.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use devstack::process::ServerProcess;

use crate::support::{Api, CHEAP, CONTRACT, MARIADB, NOWHERE, PATIENCE, eventually, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_user-service");

fn create_admin(url: &str, email: &str, variable: Option<&str>, input: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--database-url", url])
        .args(CHEAP)
        .args(["create-admin", "--email", email])
        .env_remove("USER_ADMIN_PASSWORD")
        .env("USER", "tester")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(password) = variable {
        command.env("USER_ADMIN_PASSWORD", password);
    }
    let mut child = command.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may not want to read it.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("ended")
}

/// The audit has one line, that of this command; its id.
#[track_caller]
fn audited(output: &Output, on: &str, outcome: &str) -> String {
    let log = str::from_utf8(&output.stderr).expect("text");
    let lines = log.lines().filter(|line| line.contains("INFO audit:"));
    let [line] = lines.collect::<Vec<_>>()[..] else {
        panic!("not one line of the audit: {output:?}");
    };
    let said = format!(
        r#" who="user-service:tester" action="user-service create-admin" on="{on}" outcome="{outcome}""#
    );
    assert!(line.contains(&said), "{said} is not in {line}");
    let id = line.split(r#"request_id=""#).nth(1).expect("an id");
    id.trim_end_matches('"').to_owned()
}

/// What the database with this URL says.
fn sql(url: &str, statement: &str) -> String {
    let name = url.rsplit('/').next().expect("a name");
    let name = name.split('?').next().expect("a name");
    let said = MARIADB.sql(&format!("USE `{name}`; {statement}"));
    said.expect("rows")
}

#[test]
fn the_first_admin_comes_from_the_command_line() {
    let url = MARIADB.create_database().expect("a database");
    let said = |output: &Output| {
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        String::from_utf8(text).expect("text")
    };
    // Also on a database without tables; the variable, then standard input.
    let first = create_admin(&url, "Admin@Example.com", Some("password of admin"), "");
    assert!(first.status.success(), "{}", said(&first));
    assert!(said(&first).starts_with("admin@example.com is an admin now: "));
    let second = create_admin(&url, "second@example.com", None, "password of second\n");
    assert!(second.status.success(), "{}", said(&second));
    let id_of = |email: &str| {
        let id = sql(
            &url,
            &format!("SELECT user_id FROM account WHERE email = '{email}'"),
        );
        format!("user:{}", id.trim())
    };
    let (admin, second_admin) = (id_of("admin@example.com"), id_of("second@example.com"));
    let id = audited(&first, &admin, "done");
    let second_id = audited(&second, &second_admin, "done");
    let again = create_admin(&url, "admin@example.com", Some("another password"), "");
    assert!(again.status.success(), "{}", said(&again));
    assert!(said(&again).contains("already"), "{}", said(&again));
    audited(&again, &admin, "refused");
    for (email, password) in [("admin@example.com", "short"), ("x@example.com", "")] {
        let refused = create_admin(&url, email, None, password);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said(&refused).contains("8 to 128 characters"),
            "{}",
            said(&refused)
        );
        audited(&refused, "nobody", "refused");
    }
    sql(
        &url,
        "INSERT INTO account (user_id, email, name, password_hash, role, status, created_at_ms,
           updated_at_ms) VALUES ('c', 'c@example.com', 'c', 'x', 'CUSTOMER', 'ACTIVE', 0, 0)",
    );
    let refused = create_admin(&url, "c@example.com", Some("password of admin"), "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("choose another address"),
        "{}",
        said(&refused)
    );
    audited(&refused, "user:c", "refused");
    let nowhere = create_admin(
        "mysql://root@127.0.0.1:9",
        "x@example.com",
        Some("password of admin"),
        "",
    );
    assert_eq!(nowhere.status.code(), Some(1));
    audited(&nowhere, "nobody", "failed");
    let refused = create_admin(&url, "x", Some("password of admin"), "");
    assert_eq!(refused.status.code(), Some(64));
    let stored = sql(&url, "SELECT email, role FROM account ORDER BY email");
    assert!(stored.contains("admin@example.com\tADMIN"), "{stored}");
    assert!(stored.contains("second@example.com\tADMIN"), "{stored}");
    // Who made them, and by which run of the command; nothing of those that made nobody.
    let rows = sql(
        &url,
        "SELECT actor, action, subject, request_id FROM admin_audit ORDER BY id",
    );
    let row = |subject: &str, id: &str| {
        format!("user-service:tester\tuser-service create-admin\t{subject}\t{id}")
    };
    let expected = [row(&admin, &id), row(&second_admin, &second_id)];
    assert_eq!(rows.trim_end(), expected.join("\n"));
    let causes = sql(
        &url,
        "SELECT JSON_VALUE(payload, '$.causationid') FROM user_outbox ORDER BY 1",
    );
    assert_eq!(causes.trim_end(), format!("{id}\n{second_id}"));
}

#[test]
fn an_admin_of_whom_the_audit_cannot_say_is_not_made() {
    let url = MARIADB.create_database().expect("a database");
    let first = create_admin(&url, "first@example.com", Some("password of admin"), "");
    assert!(first.status.success(), "{first:?}");
    sql(&url, "RENAME TABLE admin_audit TO away");
    let refused = create_admin(&url, "second@example.com", Some("password of admin"), "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    audited(&refused, "nobody", "failed");
    let stored = sql(&url, "SELECT email FROM account");
    assert_eq!(stored.trim_end(), "first@example.com");
}

#[test]
fn bad_configuration_is_told_at_once() {
    let output = Command::new(PROGRAM)
        .args([
            "--listen",
            "x",
            "--hash-passes=0",
            "--hash-register-parallel=3",
            "--bogus",
            "--jwks-url",
            "ftp://x/",
        ])
        .output()
        .expect("ran");
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).expect("text");
    for flag in [
        "--listen",
        "--hash-passes",
        "--hash-register-parallel",
        "--bogus",
        "--jwks-url",
    ] {
        assert!(text.contains(flag), "{flag} in {text}");
    }
}

#[test]
fn it_waits_for_mariadb_and_stops_when_told() {
    let process = ServerProcess::builder(PROGRAM)
        .args([
            "--listen",
            "127.0.0.1:0",
            "--database-url",
            "mysql://root@127.0.0.1:9",
        ])
        .args(["--kafka-brokers", NOWHERE])
        .args(CHEAP)
        .start()
        .expect("started");
    let line = process
        .wait_for_line(|line| line.contains("address="), PATIENCE)
        .expect("a line");
    let address = line.split("address=").nth(1).expect("an address");
    let address = address.split_whitespace().next().expect("an address");
    let api = Api::new(&format!("http://{address}"), &CONTRACT);
    assert_eq!(api.get("/healthz", None).status, 200);
    assert_eq!(api.get("/readyz", None).status, 503);
    let body = json!({"email": "a@b.cd", "password": "password123", "name": "n"});
    api.post("/api/users/register", None, &body)
        .is(503, "STORE_UNAVAILABLE");
    api.get("/api/users/me", Some("rubbish"))
        .is(401, "UNAUTHENTICATED");
    assert!(process.terminate().expect("stopped").success());
}

#[test]
fn old_rows_of_the_audit_are_deleted() {
    let url = MARIADB.create_database().expect("a database");
    // It makes the tables.
    let admin = create_admin(&url, "a@example.com", Some("password of admin"), "");
    assert!(admin.status.success(), "{admin:?}");
    sql(
        &url,
        "INSERT INTO admin_audit (at, actor, action, subject, request_id) VALUES
            (NOW(3) - INTERVAL 2 DAY, 'admin:a', 'POST /x', 'user:1', 'r'),
            (NOW(3) - INTERVAL 2 HOUR, 'admin:a', 'POST /x', 'user:2', 'r')",
    );
    let process = ServerProcess::builder(PROGRAM)
        .args(["--listen", "127.0.0.1:0", "--database-url", &url])
        .args(["--kafka-brokers", NOWHERE])
        .args(CHEAP)
        .env("USER_ADMIN_AUDIT_RETENTION_SECONDS", "86400")
        .start()
        .expect("started");
    eventually("only the young row is left", || {
        let subjects = "SELECT subject FROM admin_audit WHERE actor = 'admin:a'";
        sql(&url, subjects).trim() == "user:2"
    });
    assert!(process.terminate().expect("stopped").success());
}
