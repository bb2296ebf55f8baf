//! What is wrong with flags and files is said at the start, by the flag.

use std::{fmt::Display, fs, path::Path};

use clap::{Args as _, Command, FromArgMatches as _};
use test_support::tls::Authority;
use tls::{Tls, TlsFlags};

fn read(args: &[&str]) -> (Tls, Vec<String>) {
    let command = TlsFlags::augment_args(Command::new("test"));
    let args = [&["test"], args].concat();
    let matches = command.try_get_matches_from(args).unwrap();
    let flags = TlsFlags::from_arg_matches(&matches).unwrap();
    let mut wrong = Vec::new();
    let tls = flags.tls(&mut |flag: &str, problem: &dyn Display| {
        wrong.push(format!("--{flag}: {problem}"));
    });
    (tls, wrong)
}

fn given(flag: &str, file: &Path) -> String {
    format!("--tls-{flag}={}", file.display())
}

#[test]
fn both_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let issued = Authority::new(folder.path()).issue("server", 2050);
    let (certificate, key) = (
        given("certificate", &issued.certificate),
        given("key", &issued.key),
    );
    let (tls, wrong) = read(&[]);
    assert!(tls.server.is_none() && wrong.is_empty(), "{wrong:?}");
    let (tls, wrong) = read(&[&certificate, &key]);
    assert!(wrong.is_empty(), "{wrong:?}");
    let server = tls.server.unwrap();
    assert_eq!(server.not_after(), issued.not_after);
    // Nothing of a key is shown.
    assert!(!format!("{server:?}").contains("PRIVATE"), "{server:?}");
    assert_eq!(
        read(&[&certificate]).1,
        ["--tls-key: is missing; --tls-certificate needs it"]
    );
    assert_eq!(
        read(&[&key]).1,
        ["--tls-certificate: is missing; --tls-key needs it"]
    );
}

#[test]
fn a_file_that_is_of_no_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (one, other) = (authority.issue("one", 2050), authority.issue("other", 2050));
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let missing = folder.path().join("missing.pem");
    let cases = [
        (
            &one.certificate,
            &other.key,
            "--tls-key: ",
            "is not the key of the certificate in",
        ),
        (
            &one.key,
            &one.key,
            "--tls-certificate: ",
            "has no certificate in PEM",
        ),
        (
            &one.certificate,
            &one.certificate,
            "--tls-key: ",
            "has no private key in PEM",
        ),
        (
            &empty,
            &one.key,
            "--tls-certificate: ",
            "empty.pem is empty",
        ),
        (
            &missing,
            &one.key,
            "--tls-certificate: ",
            "missing.pem: No such file",
        ),
        (
            &one.certificate,
            &missing,
            "--tls-key: ",
            "missing.pem: No such file",
        ),
    ];
    for (certificate, key, flag, why) in cases {
        let (tls, wrong) = read(&[&given("certificate", certificate), &given("key", key)]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(
            wrong[0].starts_with(flag) && wrong[0].contains(why),
            "{wrong:?}"
        );
        assert!(tls.server.is_none());
    }
    for no_authority in [&empty, &missing, &one.key] {
        let (_, wrong) = read(&[&given("ca", no_authority)]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].starts_with("--tls-ca: "), "{wrong:?}");
    }
    let (tls, wrong) = read(&[&given("ca", authority.file())]);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(tls.trust.file(), Some(authority.file()));
}
