//! HTTP over TLS: what is served, to whom, and what goes on beside a client that misbehaves.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Instant,
};

use devstack::wait;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use test_support::tls::{Authority, Issued, Secure};
use tls::{HANDSHAKE_TIMEOUT, Trust};
use tokio_rustls::{TlsConnector, rustls::ClientConfig};

use crate::support::{Server, TIMEOUT, server::process};

const NOT_AFTER: &str = "inventory_tls_certificate_not_after_timestamp_seconds";

/// A server, and who signs its certificates.
struct Secured {
    server: Server,
    authority: Authority,
    issued: Issued,
    folder: TempDir,
}

fn secured() -> Secured {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let issued = authority.issue("server", 2050);
    let server = Server::with(&[
        &format!("--tls-certificate={}", issued.certificate.display()),
        &format!("--tls-key={}", issued.key.display()),
    ]);
    Secured {
        server,
        authority,
        issued,
        folder,
    }
}

impl Secured {
    fn connect(&self, protocols: &[&str]) -> Secure {
        Secure::connect(&self.server.address, self.authority.file(), protocols).expect("TLS")
    }

    #[track_caller]
    fn is_served(&self) {
        assert_eq!(self.connect(&[]).get("/healthz").expect("an answer").0, 200);
    }

    fn plain(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.server.address).expect("a connection");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        stream
    }
}

/// All that the server says until it closes; a reset counts as that.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    rest
}

#[test]
fn a_request_over_tls_is_answered_and_the_end_of_the_certificate_shown() {
    let secured = secured();
    let mut connection = secured.connect(&["http/1.1"]);
    assert_eq!(connection.protocol(), Some("http/1.1"));
    // One connection, many requests.
    for _ in 0..3 {
        let (status, body) = connection.get("/api/inventories/none").expect("an answer");
        assert_eq!(status, 404, "{body}");
        assert!(body.contains("UNKNOWN_SKU"), "{body}");
    }
    let (_, metrics) = connection.get("/metrics").expect("an answer");
    let line = format!("\n{NOT_AFTER} {}\n", secured.issued.not_after);
    assert!(metrics.contains(&line), "{metrics}");
    // Without a certificate there is nothing to be shown.
    let plain = Server::start();
    assert!(!plain.get("/metrics").text.contains(NOT_AFTER));
}

#[tokio::test]
async fn http_2_is_spoken_over_tls() {
    let secured = tokio::task::spawn_blocking(secured)
        .await
        .expect("a server");
    let trust = Trust::open(secured.authority.file()).expect("an authority");
    let config = trust.client_config().expect("a configuration");
    let mut config = ClientConfig::clone(&config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(&secured.server.address);
    let stream = TlsConnector::from(Arc::new(config))
        .connect(
            "localhost".try_into().expect("a name"),
            stream.await.expect("a connection"),
        )
        .await
        .expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    let driven = tokio::spawn(connection);
    for n in 0..3 {
        let request = Request::put(format!("https://localhost/api/inventories/sku-{n}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(br#"{"onHandQuantity":5}"#)))
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(status, 201, "{:?}", body.to_bytes());
    }
    drop(sender);
    driven.await.expect("no panic").expect("a clean end");
}

#[test]
fn who_does_not_know_the_authority_does_not_connect() {
    let secured = secured();
    let folder = tempfile::tempdir().expect("a folder");
    let stranger = Authority::new(folder.path());
    let refused = Secure::connect(&secured.server.address, stranger.file(), &[])
        .expect_err("nobody to be trusted");
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    secured.is_served();
}

#[test]
fn plain_bytes_are_answered_by_the_end_of_the_connection() {
    let secured = secured();
    let mut open = secured.connect(&[]);
    let mut plain = secured.plain();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .expect("sent");
    let answer = rest(&mut plain);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(open.get("/healthz").expect("an answer").0, 200);
    secured.is_served();
}

#[test]
fn a_handshake_that_stalls_is_cut_and_holds_nobody_back() {
    let secured = secured();
    let begun = Instant::now();
    let mut stalled: Vec<TcpStream> = (0..50).map(|_| secured.plain()).collect();
    for stream in &mut stalled {
        // The beginning of a record that never ends.
        stream.write_all(&[0x16, 0x03, 0x01]).expect("sent");
    }
    for _ in 0..5 {
        secured.is_served();
    }
    assert!(begun.elapsed() < HANDSHAKE_TIMEOUT, "{:?}", begun.elapsed());
    for stream in &mut stalled {
        rest(stream);
    }
    let took = begun.elapsed();
    assert!(took >= HANDSHAKE_TIMEOUT, "{took:?}");
    secured.is_served();
}

#[test]
fn a_handshake_under_way_does_not_hold_up_the_end() {
    let secured = secured();
    let mut stalled = secured.plain();
    // It is behind the other in the queue of those that are accepted.
    secured.is_served();
    let begun = Instant::now();
    let status = secured.server.process.terminate().expect("an end");
    assert!(status.success(), "{status}");
    rest(&mut stalled);
    assert!(begun.elapsed() < HANDSHAKE_TIMEOUT, "{:?}", begun.elapsed());
}

#[test]
fn a_new_certificate_is_served_without_a_restart() {
    let secured = secured();
    let mut open = secured.connect(&[]);
    assert_eq!(open.certificate(), secured.issued.der());
    let renewed = secured.authority.issue("server", 2060);
    wait::until(TIMEOUT, "the new certificate is served", || {
        secured.connect(&[]).certificate() == renewed.der()
    })
    .expect("in time");
    // Who is connected stays so.
    let (_, metrics) = open.get("/metrics").expect("an answer");
    let line = format!("\n{NOT_AFTER} {}\n", renewed.not_after);
    assert!(metrics.contains(&line), "{metrics}");
    drop(secured.folder);
}

#[test]
fn a_pair_that_is_none_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let (one, other) = (authority.issue("one", 2050), authority.issue("other", 2050));
    let certificate = |file: &Path| format!("--tls-certificate={}", file.display());
    let key = |file: &Path| format!("--tls-key={}", file.display());
    for (flags, why) in [
        (
            vec![certificate(&one.certificate)],
            "--tls-key: is missing; --tls-certificate needs it",
        ),
        (
            vec![key(&one.key)],
            "--tls-certificate: is missing; --tls-key needs it",
        ),
        (
            vec![certificate(&one.certificate), key(&other.key)],
            "is not the key of the certificate in",
        ),
    ] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let process = process(&flags);
        let status = process.wait_for_exit(TIMEOUT).expect("it ends");
        assert_eq!(status.code(), Some(64));
        assert!(process.log().contains(why), "{}", process.log());
    }
}
