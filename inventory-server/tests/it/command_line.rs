use std::sync::Arc;

use devstack::{process::ServerProcess, redis::RedisServer};

use crate::support::{Server, TIMEOUT, server::process};

/// Runs it to its end: exit code and output.
fn ended(process: &ServerProcess) -> (Option<i32>, String) {
    let status = process.wait_for_exit(TIMEOUT).expect("it ends");
    (status.code(), process.log())
}

#[test]
fn help_explains_every_flag() {
    let (code, help) = ended(&process(&["--help"]));
    assert_eq!(code, Some(0));
    for flag in [
        "--listen",
        "--redis-url",
        "--embedded-redis",
        "--shards",
        "--default-ttl-seconds",
        "--retention-seconds",
        "--durability",
        "--projection",
        "--max-hold-seconds",
        "--auth",
        "--jwks-url",
        "--jwks-file",
        "--token-issuer",
        "--token-audience",
        "--tls-certificate",
        "--tls-key",
        "--tls-ca",
        "--log",
        "--log-level",
        "--queue-max",
        "--batches-in-flight",
        "--worker-threads",
        "--request-timeout-ms",
        "--journal-keep-seconds",
        "--journal-max-bytes",
        "--drain-timeout-seconds",
    ] {
        assert!(help.contains(flag), "{flag}");
        let variable = format!("INVENTORY_{}", flag[2..].to_uppercase().replace('-', "_"));
        assert!(help.contains(&variable), "{variable}");
    }
}

#[test]
fn every_problem_is_listed_and_exits_64() {
    let flags = [
        "--listen=0.0.0.0:0",
        "--shards=2",
        "--durability=maybe",
        "--auth=maybe",
        "--queue-max=none",
    ];
    let (code, log) = ended(&process(&flags));
    assert_eq!(code, Some(64));
    for flag in flags {
        let name = flag.split('=').next().expect("a name");
        assert!(log.contains(name), "{name} in {log}");
    }
    let (code, log) = ended(&process(&["--no-such-flag", "--shards=2"]));
    assert_eq!(code, Some(64), "{log}");
    assert!(
        log.contains("--no-such-flag") && log.contains("--shards"),
        "{log}"
    );
}

#[test]
fn the_environment_speaks_too_and_the_flag_wins() {
    let start = |flag: &[&str]| {
        let server = ServerProcess::builder(env!("CARGO_BIN_EXE_inventory-server"))
            .without_env("INVENTORY_")
            .env("INVENTORY_SHARDS", "7")
            .env("INVENTORY_REDIS_URL", "")
            .env("INVENTORY_EMBEDDED_REDIS", "")
            .env("INVENTORY_LISTEN", "nowhere")
            .args(flag);
        ended(&server.start().expect("a server"))
    };
    let (code, log) = start(&[]);
    assert_eq!(code, Some(64), "{log}");
    for flag in ["--shards", "--listen", "--redis-url", "--embedded-redis"] {
        assert!(log.contains(flag), "{flag} in {log}");
    }
    let (code, log) = start(&["--listen=127.0.0.1:0"]);
    assert!(
        code == Some(64) && log.contains("--shards") && !log.contains("--listen"),
        "{log}"
    );
}

#[test]
fn a_redis_that_is_weaker_than_asked_is_refused_with_what_to_type() {
    let redis = RedisServer::builder().start().expect("a Redis");
    let url = format!("--redis-url={}", redis.url());
    let (code, log) = ended(&process(&[&url, "--durability=always"]));
    assert_eq!(code, Some(64));
    for line in ["CONFIG SET appendonly yes", "appendfsync always"] {
        assert!(log.contains(line), "{line} in {log}");
    }
}

#[test]
fn a_redis_behind_tls_is_used_by_whoever_trusts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = test_support::tls::Authority::new(folder.path());
    let issued = authority.issue("redis", 2999);
    let redis = RedisServer::builder().tls(issued.certificate, issued.key);
    let redis = redis.start().expect("a Redis");
    let url = format!("--redis-url={}", redis.tls_url().expect("a port"));
    let flags = [&url, "--durability=none", "--redis-wait-seconds=0"];
    let (code, log) = ended(&process(&flags));
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("name the authority that did by --tls-ca"),
        "{log}"
    );
    let (code, log) = ended(&process(&[&format!("{url}#insecure")]));
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("#insecure would trust any server"), "{log}");
    let ca = format!("--tls-ca={}", authority.file().display());
    let trusting = process(&[&flags[..], &[&ca]].concat());
    trusting
        .wait_for_line(|line| line.contains("listening"), TIMEOUT)
        .expect("it listens");
}

#[test]
fn a_redis_that_is_not_there_is_waited_for_and_then_given_up() {
    let flags = ["--redis-url=redis+unix:///nowhere/at/all.sock"];
    let (code, log) = ended(&process(
        &[&flags[..], &["--redis-wait-seconds=0"]].concat(),
    ));
    assert_eq!(code, Some(1), "{log}");
    let waiting = process(&flags);
    waiting
        .wait_for_line(|line| line.contains("waiting for Redis"), TIMEOUT)
        .expect("it waits");
    assert_eq!(waiting.terminate().expect("it ends").code(), Some(0));
}

#[test]
fn a_taken_address_is_said() {
    let server = Server::start();
    let listen = format!("--listen={}", server.address);
    let (code, log) = ended(&process(&[&listen]));
    assert!(code == Some(1) && log.contains(&server.address), "{log}");
}

#[test]
fn logs_can_be_json() {
    let redis = Arc::new(RedisServer::builder().start().expect("a Redis"));
    let url = format!("--redis-url={}", redis.url());
    let process = process(&[&url, "--durability=none", "--log=json"]);
    let line = process
        .wait_for_line(|line| line.contains("listening"), TIMEOUT)
        .expect("it listens");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&line["message"], &line["level"]),
        (&"listening".into(), &"INFO".into())
    );
    assert!(
        line["address"]
            .as_str()
            .expect("an address")
            .starts_with("127.0.0.1:")
    );
}

#[test]
fn more_threads_serve_as_well() {
    let server = Server::with(&["--worker-threads=2", "--batches-in-flight=2"]);
    server.stock("a", 10);
    server.hold("r", "a", 1);
    assert_eq!(server.figures("a"), "9/1/0");
}
