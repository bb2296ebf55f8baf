//! The binary itself.

use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-service");

fn run(args: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(PROGRAM)
        .args(args)
        .env("AUTH_CLIENTS", r#"{"order-service":"geheim"}"#)
        .output()
        .expect("ran");
    (
        status.code(),
        String::from_utf8([stdout, stderr].concat()).expect("text"),
    )
}

#[test]
fn bad_configuration_is_told_at_once_and_shows_no_secret() {
    let (code, text) = run(&[
        "--listen=x",
        "--bogus",
        "--user-url=ftp://x",
        "--attempts-account=0",
        "--trusted-proxies=10.0.0.0/99",
        "--key-publication-seconds=x",
        "--token-issuer=",
    ]);
    assert_eq!(code, Some(64));
    for flag in [
        "--listen",
        "--bogus",
        "--user-url",
        "--attempts-account",
        "--trusted-proxies",
        "--key-publication-seconds",
        "--token-issuer",
        "--clients",
    ] {
        assert!(text.contains(flag), "{flag} in {text}");
    }
    assert!(!text.contains("geheim"), "{text}");
    let (code, text) = run(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("[env: AUTH_KEYS_DIR]") && !text.contains("geheim"),
        "{text}"
    );
}

#[test]
fn keys_are_rotated_from_the_command_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let keys = dir.path().join("keys");
    let keys = keys.to_str().expect("text");
    for _ in 0..2 {
        let (code, text) = run(&["rotate-keys", "--keys-dir", keys]);
        assert_eq!(
            (code, text.contains("; 0 old ones removed")),
            (Some(0), true),
            "{text}"
        );
    }
    let (code, text) = run(&["rotate-keys", "--drop-old", "--keys-dir", keys]);
    assert_eq!(
        (code, text.contains("; 2 old ones removed")),
        (Some(0), true),
        "{text}"
    );
    assert!(!text.contains("PRIVATE"), "{text}");
}
