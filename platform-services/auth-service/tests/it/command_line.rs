//! The binary itself.

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use auth_service::keys::Keys;

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

/// Runs `rotate-keys`; its audit has one line, which is told without time and id.
fn rotate(args: &[&str]) -> (Option<i32>, String, String) {
    let (code, text) = run(&[&["rotate-keys", "--user", "tester"], args].concat());
    let (audit, rest): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.contains("INFO audit:"));
    let [line] = audit[..] else {
        panic!("not one line of the audit: {text}");
    };
    let line = line.split("who=").nth(1).expect("who");
    let line = line.split(" request_id=").next().expect("an end");
    (code, rest.join("\n"), line.to_owned())
}

fn kids(keys: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(keys)
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name())
        .filter_map(|name| name.to_str()?.strip_suffix(".pem").map(str::to_owned))
        .collect();
    names.sort();
    let kid = |name: &String| name.split_once('-').expect("an id").1.to_owned();
    names.iter().map(kid).collect()
}

#[test]
fn keys_are_rotated_from_the_command_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let keys = dir.path().join("keys");
    // As the first start of the server does.
    Keys::open(&keys, Duration::ZERO).expect("a first key");
    let first = kids(&keys);
    assert_eq!(first.len(), 1);
    let path = keys.to_str().expect("text");
    let (code, text, audit) = rotate(&["--keys-dir", path]);
    assert_eq!(
        (code, text.contains("; 0 old ones removed")),
        (Some(0), true),
        "{text}"
    );
    let both = kids(&keys);
    let [second] = &both
        .iter()
        .filter(|kid| !first.contains(kid))
        .collect::<Vec<_>>()[..]
    else {
        panic!("not one new key: {both:?}");
    };
    assert_eq!(
        audit,
        format!(
            r#""auth-service:tester" action="auth-service rotate-keys" on="{path}: added {second}, removed []" outcome="done""#
        )
    );
    let (code, text, audit) = rotate(&["--drop-old", "--keys-dir", path]);
    assert_eq!(
        (code, text.contains("; 2 old ones removed")),
        (Some(0), true),
        "{text}"
    );
    assert!(!text.contains("PRIVATE"), "{text}");
    let [third] = &kids(&keys)[..] else {
        panic!("only the new one is left");
    };
    assert_eq!(
        audit,
        format!(
            r#""auth-service:tester" action="auth-service rotate-keys --drop-old" on="{path}: added {third}, removed [{}]" outcome="done""#,
            both.join(", ")
        )
    );
}

#[test]
fn a_folder_without_keys_is_not_rotated() {
    let dir = tempfile::tempdir().expect("a folder");
    let (empty, missing) = (dir.path().join("empty"), dir.path().join("mistyped"));
    let file = dir.path().join("file");
    std::fs::create_dir(&empty).expect("made");
    std::fs::write(&file, "").expect("written");
    for (keys, old) in [
        (&missing, None),
        (&missing, Some("--drop-old")),
        (&empty, None),
        (&empty, Some("--drop-old")),
        (&file, None),
        (&file.join("below"), None),
    ] {
        let path = keys.to_str().expect("text");
        let mut args = vec!["--keys-dir", path];
        args.extend(old);
        let (code, text, audit) = rotate(&args);
        assert_eq!(code, Some(1), "{text}");
        assert_eq!(
            text,
            format!(
                "auth-service: {path} has no keys; give the --keys-dir of the running auth-service, \
                 whose first start makes the first key"
            )
        );
        let said = format!(r#" on="{path}" outcome="refused""#);
        assert!(audit.ends_with(&said), "{audit}");
    }
    assert!(!missing.exists(), "nothing is made");
    assert_eq!(std::fs::read_dir(&empty).expect("a folder").count(), 0);
}
