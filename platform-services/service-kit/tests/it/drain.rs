//! The end of a service with requests under way: a process as services are made, and real signals.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::post};
use devstack::process::ServerProcess;
use futures_util::StreamExt as _;
use service_kit::{
    http::{App, Settings, listen},
    metrics,
    shutdown::Stop,
    tasks::serve_beside,
    telemetry,
    tls::Trust,
};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::support::PATIENCE;

/// Set: this process is the service, and drains for so long.
const DRAIN_MS: &str = "SERVICE_KIT_TEST_DRAIN_MS";

/// The service, when somebody asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_service() {
    #[expect(clippy::disallowed_methods, reason = "how a test speaks to its child")]
    let Ok(drain_ms) = std::env::var(DRAIN_MS) else {
        return;
    };
    telemetry::init(telemetry::LogFormat::Text, "info", &Trust::default());
    let stop = Stop::on_signals().unwrap();
    let (listener, _) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let drain = stop.drain.clone();
    let app = App::new(metrics::registry("test", "1")).check("store", move || {
        let drain = drain.clone();
        async move {
            tracing::info!("the store is asked");
            drain.cancelled().await;
            Ok(())
        }
    });
    let routes = Router::new().route("/upload", post(upload));
    // Whatever is late here is late for the drain.
    let settings = Settings {
        request_timeout: Duration::from_secs(600),
        body_timeout: Duration::from_secs(600),
        drain_timeout: Duration::from_millis(drain_ms.parse().unwrap()),
        ..Settings::default()
    };
    let background = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let told = background.clone();
    tasks.spawn(async move {
        told.cancelled().await;
        tracing::info!("the background has ended");
        Ok::<(), JoinError>(())
    });
    let serving = app.serve(listener, routes, settings, &stop);
    serve_beside(tasks, &background, serving).await.unwrap();
}

/// Is under way for as long as its client takes.
async fn upload(body: Body) -> String {
    let (mut body, mut bytes) = (body.into_data_stream(), 0);
    while let Some(part) = body.next().await {
        bytes += part.unwrap().len();
        tracing::info!("{bytes} bytes have come");
    }
    tracing::info!("the request is handled");
    format!("{bytes} bytes")
}

struct Service {
    process: ServerProcess,
    address: String,
}

impl Service {
    fn start(drain: Duration) -> Self {
        let process = ServerProcess::builder(std::env::current_exe().unwrap())
            .args(["--exact", "drain::role_service", "--nocapture"])
            .env(DRAIN_MS, drain.as_millis().to_string())
            .start()
            .unwrap();
        let line = process.wait_for_line(|line| line.contains("listening"), PATIENCE);
        let line = line.unwrap();
        let (_, address) = line.split_once("address=").unwrap();
        let address = address.split(' ').next().unwrap().to_owned();
        Self { process, address }
    }

    fn says(&self, what: &str) {
        let said = self
            .process
            .wait_for_line(|line| line.contains(what), PATIENCE);
        said.unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A request that is being handled, and of which half has come.
    fn under_way(&self) -> TcpStream {
        let mut stream = self.connect();
        let head = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"half").unwrap();
        self.says("4 bytes have come");
        stream
    }

    fn signal(&self, name: &str) {
        let pid = self.process.pid().unwrap().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

/// All that comes until the connection is closed.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // As much an end as the other.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_request_under_way_is_answered_and_nobody_else_is_let_in() {
    let service = Service::start(Duration::from_secs(600));
    let mut idle = service.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut upload = service.under_way();
    let mut probe = service.connect();
    probe
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    service.says("the store is asked");
    thread::scope(|scope| {
        let ended = scope.spawn(|| service.process.terminate());
        service.says("draining");
        let readyz = rest(probe);
        assert!(readyz.starts_with("HTTP/1.1 503"), "{readyz}");
        assert!(readyz.contains(r#""draining":true"#), "{readyz}");
        let refused = TcpStream::connect(&service.address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        rest(idle);
        assert!(service.process.is_running(), "it waits for the request");
        upload.write_all(b"half").unwrap();
        let answer = rest(upload);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("8 bytes"), "{answer}");
        let status = ended.join().unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    });
    let log = service.process.log();
    let at = |what: &str| log.find(what).unwrap_or_else(|| panic!("{what}: {log}"));
    assert!(
        at("the request is handled") < at("the background has ended"),
        "what a request leaves to others is still done: {log}"
    );
    assert!(!log.contains("the drain took too long"), "{log}");
}

#[test]
fn a_request_that_takes_longer_than_the_drain_is_cut() {
    let drain = Duration::from_millis(300);
    let service = Service::start(drain);
    let upload = service.under_way();
    let asked = Instant::now();
    let status = service.process.terminate().unwrap();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0));
    // It would be under way for ten minutes.
    assert!(drain <= took && took < Duration::from_secs(30), "{took:?}");
    assert_eq!(rest(upload), "", "cut, not answered");
    let log = service.process.log();
    for said in ["the drain took too long", "the background has ended"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains("the request is handled"), "{log}");
}

#[test]
fn a_second_signal_does_not_wait() {
    let service = Service::start(Duration::from_secs(600));
    let upload = service.under_way();
    service.signal("-TERM");
    service.says("draining");
    assert!(service.process.is_running(), "it waits for the request");
    service.signal("-INT");
    let status = service.process.wait_for_exit(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest(upload), "", "cut, not answered");
    let log = service.process.log();
    for said in ["told to stop at once", "the background has ended"] {
        assert!(log.contains(said), "{said}: {log}");
    }
}
