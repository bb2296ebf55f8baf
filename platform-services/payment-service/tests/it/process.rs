//! The process: it starts without its neighbours, and ends when it is told to.

use devstack::process::ServerProcess;

use crate::support::{PATIENCE, WORLD, listening};

#[test]
fn without_a_gateway_it_does_not_start() {
    let process = ServerProcess::builder(env!("CARGO_BIN_EXE_payment-service"))
        .args(["--publish=both"])
        .without_env("PAYMENT_")
        .start()
        .unwrap();
    let status = process.wait_for_exit(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(64));
    let log = process.log();
    for named in ["--toss-url", "PAYMENT_TOSS_SECRET_KEY", "--publish"] {
        assert!(log.contains(named), "{log}");
    }
}

#[test]
fn without_a_database_it_waits_and_says_so() {
    let process = ServerProcess::builder(env!("CARGO_BIN_EXE_payment-service"))
        .args(["--listen=127.0.0.1:0", "--toss-url=https://127.0.0.1:1"])
        .args(["--database-url=mysql://root@127.0.0.1:1"])
        .args(["--kafka-brokers=127.0.0.1:1"])
        .without_env("PAYMENT_")
        .env("PAYMENT_TOSS_SECRET_KEY", "a secret that nobody sees")
        .start()
        .unwrap();
    let http = listening(&process);
    assert_eq!(http.get("/healthz", "").status, 200);
    let ready = http.get("/readyz", "");
    assert_eq!(
        (
            ready.status,
            &ready.body["dependencies"]["mariadb"]["status"]
        ),
        (503, &"down".into())
    );
    assert!(process.terminate().unwrap().success());
    assert!(!process.log().contains("a secret that nobody sees"));
}

#[test]
fn a_replica_comes_and_goes() {
    let (process, http) = WORLD.around.deaf(&[]);
    let metrics = http.get("/metrics", "").text;
    for name in [
        "payment_unknown ",
        "payment_refunds_open ",
        "payment_refunds_refused_open ",
        "payment_refunds_refused_total",
        "payment_stray_approvals_total",
        "payment_client_breaker_state",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    assert!(process.terminate().unwrap().success());
}
