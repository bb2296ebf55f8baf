//! A service over TLS, asked by the client that services have.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use prometheus_client::registry::Registry;
use service_kit::{
    client::{Client, ClientError, ClientSettings, Outbound, TokenSource},
    http::{App, Settings},
    metrics,
    shutdown::Stop,
    tls::{HANDSHAKE_TIMEOUT, ServerTls, Trust},
};
use tempfile::TempDir;
use test_support::tls::{Authority, Issued, Secure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::until;

struct Served {
    address: SocketAddr,
    stop: Stop,
    task: JoinHandle<()>,
    authority: Authority,
    issued: Issued,
    _folder: TempDir,
}

async fn serve() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let issued = authority.issue("server", 2050);
    let tls = ServerTls::open(&issued.certificate, &issued.key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = App::new(metrics::registry("test", "1")).tls(Some(tls));
    let routes = Router::new().route("/seven", get(|| async { axum::Json(7) }));
    let stop = Stop::default();
    let told = stop.clone();
    let serving = async move {
        app.serve(listener, routes, Settings::default(), &told)
            .await;
    };
    Served {
        address,
        stop,
        task: tokio::spawn(serving),
        authority,
        issued,
        _folder: folder,
    }
}

impl Served {
    fn client(&self, trust: Trust) -> Client {
        let settings = ClientSettings {
            attempt_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(20),
            ..ClientSettings::new("test")
        };
        let outbound = Outbound::register(&mut Registry::default(), trust);
        let url = format!("https://localhost:{}", self.address.port());
        Client::new(&url, settings, TokenSource::none(), &outbound).unwrap()
    }

    fn trusting(&self) -> Client {
        self.client(Trust::open(self.authority.file()).unwrap())
    }

    async fn is_served(&self) {
        let seven: u32 = self.trusting().get("/seven").fetch().await.unwrap();
        assert_eq!(seven, 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_talk_over_tls_to_whom_they_trust() {
    let served = serve().await;
    served.is_served().await;
    let answer = served.trusting().get("/metrics").send().await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let line = format!(
        "\ntest_tls_certificate_not_after_timestamp_seconds {}\n",
        served.issued.not_after
    );
    assert!(text.contains(&line), "{text}");
    // Not sent, so it may be sent again.
    let stranger = served.client(Trust::default());
    match stranger.post("/seven").send().await {
        Err(ClientError::Unavailable { reason, .. }) => {
            assert!(reason.contains("UnknownIssuer"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    served.stop.drain.cancel();
    served.task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_no_tls_or_stalls_is_cut_and_holds_nobody_back() {
    let served = serve().await;
    let begun = Instant::now();
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        stalled.push(stream);
    }
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    let asked = b"GET /seven HTTP/1.1\r\nhost: x\r\n\r\n";
    plain.write_all(asked).await.unwrap();
    let mut rest = Vec::new();
    // A reset is an end, too.
    drop(plain.read_to_end(&mut rest).await);
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    served.is_served().await;
    assert!(begun.elapsed() < HANDSHAKE_TIMEOUT, "{:?}", begun.elapsed());
    for stream in &mut stalled {
        drop(stream.read_to_end(&mut rest).await);
    }
    assert!(
        begun.elapsed() >= HANDSHAKE_TIMEOUT,
        "{:?}",
        begun.elapsed()
    );
    served.is_served().await;
    // One more is under way when it ends.
    let _last = TcpStream::connect(served.address).await.unwrap();
    served.is_served().await;
    let told = Instant::now();
    served.stop.drain.cancel();
    served.task.await.unwrap();
    assert!(told.elapsed() < HANDSHAKE_TIMEOUT, "{:?}", told.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_http_are_offered_and_a_new_certificate_is_served() {
    let served = serve().await;
    let (address, ca) = (served.address.to_string(), served.authority.file());
    let connect = |protocols: &[&str]| {
        tokio::task::block_in_place(|| Secure::connect(&address, ca, protocols).unwrap())
    };
    for protocol in ["h2", "http/1.1"] {
        assert_eq!(connect(&[protocol]).protocol(), Some(protocol));
    }
    let mut open = connect(&[]);
    let renewed = served.authority.issue("server", 2060);
    until("the new certificate is served", async || {
        connect(&[]).certificate() == renewed.der()
    })
    .await;
    let (status, body) = tokio::task::block_in_place(|| open.get("/seven").unwrap());
    assert_eq!((status, body.as_str()), (200, "7"));
}
