//! A collector behind TLS, whose certificate is of an authority that no machine knows.

use std::{
    path::Path,
    sync::{Arc, Mutex, mpsc},
};

use axum::{Router, body::Bytes, routing::post};
use devstack::process::ServerProcess;
use service_kit::{
    http::{App, Settings},
    metrics,
    shutdown::Stop,
    tls::ServerTls,
};
use test_support::{eventually, tls::Authority};

use crate::support::listening;

/// Takes spans until the test process ends: its port, and what it was sent.
fn collector(authority: &Authority) -> (u16, Arc<Mutex<Vec<Bytes>>>) {
    let issued = authority.issue("collector", 2050);
    let tls = ServerTls::open(&issued.certificate, &issued.key).unwrap();
    let taken = Arc::<Mutex<Vec<Bytes>>>::default();
    let taking = Arc::clone(&taken);
    let take = move |body: Bytes| async move { taking.lock().unwrap().push(body) };
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            let app = App::new(metrics::registry("collector", "1")).tls(Some(tls));
            let routes = Router::new().route("/v1/traces", post(take));
            app.serve(listener, routes, Settings::default(), &Stop::default())
                .await;
        });
    });
    (told.recv().unwrap(), taken)
}

/// A service that makes spans, and trusts as told by its flag and by OpenTelemetry's variable.
fn service(name: &str, port: u16, flag: Option<&Path>, variable: Option<&Path>) -> ServerProcess {
    let mut process = ServerProcess::builder(env!("CARGO_BIN_EXE_toss-sandbox"))
        .arg("--listen=127.0.0.1:0")
        .without_env("SANDBOX_")
        .without_env("OTEL_")
        .env("OTEL_SERVICE_NAME", name)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("https://localhost:{port}"),
        );
    if let Some(file) = flag {
        process = process.arg("--tls-ca").arg(file);
    }
    if let Some(file) = variable {
        process = process.env("OTEL_EXPORTER_OTLP_CERTIFICATE", file);
    }
    let process = process.start().unwrap();
    // A request makes a span.
    assert_eq!(listening(&process).get("/no-such-page", "").status, 404);
    process
}

#[test]
fn the_collector_is_trusted_as_the_flag_says_unless_the_variable_says_otherwise() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [ours, other] = folders.each_ref().map(|it| Authority::new(it.path()));
    let (port, taken) = collector(&ours);
    let has_taken = |name: &str| {
        let taken = taken.lock().unwrap();
        taken
            .iter()
            .any(|body| body.windows(name.len()).any(|part| part == name.as_bytes()))
    };
    let (good, bad) = (Some(ours.file()), Some(other.file()));

    let trusting = [("by-flag", good, None), ("by-variable", bad, good)];
    for (name, flag, variable) in trusting {
        let process = service(name, port, flag, variable);
        eventually(format!("the spans of {name}"), || has_taken(name));
        let log = process.log();
        assert!(!log.contains("does not take spans"), "{log}");
    }
    let strangers = [("by-nothing", None, None), ("by-wrong", good, bad)];
    for (name, flag, variable) in strangers {
        let process = service(name, port, flag, variable);
        eventually(format!("{name} says what to do"), || {
            let log = process.log();
            log.contains("the collector does not take spans")
                && log.contains("name the authority that did by --tls-ca")
        });
        assert!(process.terminate().unwrap().success(), "{}", process.log());
        assert!(!has_taken(name), "{name}");
    }
}
