//! The binary itself.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use devstack::process::ServerProcess;

use crate::support::{Api, CHEAP, CONTRACT, MARIADB, NOWHERE, PATIENCE, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_user-service");

fn create_admin(url: &str, email: &str, variable: Option<&str>, input: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--database-url", url])
        .args(CHEAP)
        .args(["create-admin", "--email", email])
        .env_remove("USER_ADMIN_PASSWORD")
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
    let again = create_admin(&url, "admin@example.com", Some("another password"), "");
    assert!(again.status.success(), "{}", said(&again));
    assert!(said(&again).contains("already"), "{}", said(&again));
    for (email, password) in [("admin@example.com", "short"), ("x@example.com", "")] {
        let refused = create_admin(&url, email, None, password);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said(&refused).contains("8 to 128 characters"),
            "{}",
            said(&refused)
        );
    }
    let refused = create_admin(&url, "x", Some("password of admin"), "");
    assert_eq!(refused.status.code(), Some(64));
    let stored = MARIADB
        .sql(&format!(
            "SELECT email, role FROM {}.account ORDER BY email",
            url.rsplit('/')
                .next()
                .expect("a name")
                .split('?')
                .next()
                .expect("a name")
        ))
        .expect("rows");
    assert!(stored.contains("admin@example.com\tADMIN"), "{stored}");
    assert!(stored.contains("second@example.com\tADMIN"), "{stored}");
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
