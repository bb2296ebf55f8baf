//! Whom an outgoing connection trusts.

use std::net::SocketAddr;

use test_support::tls::Authority;
use tls::{ServerTls, Trust};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Sends back what comes.
async fn echo(tls: ServerTls) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(stream) = tls.handshake(stream).await else {
                    return;
                };
                let (mut from, mut to) = tokio::io::split(stream);
                drop(tokio::io::copy(&mut from, &mut to).await);
            });
        }
    });
    address
}

#[tokio::test]
async fn the_authority_and_the_name_must_be_right() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = Authority::new(ours.path());
    let issued = authority.issue("server", 2050);
    let server = ServerTls::open(&issued.certificate, &issued.key).unwrap();
    let address = echo(server).await;
    let connect = async |trust: &Trust, host: &str| {
        let stream = TcpStream::connect(address).await.unwrap();
        trust.connect(host, stream).await
    };
    let trust = Trust::open(authority.file()).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let mut stream = connect(&trust, host).await.expect(host);
        stream.write_all(b"hello").await.unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hello");
    }
    let other = connect(&trust, "other.example").await.unwrap_err();
    assert!(other.to_string().contains("not valid for name"), "{other}");
    let stranger = Trust::open(Authority::new(theirs.path()).file()).unwrap();
    for trust in [stranger, Trust::default()] {
        let refused = connect(&trust, "localhost").await.unwrap_err();
        assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let issued = authority.issue("server", 2020);
    let server = ServerTls::open(&issued.certificate, &issued.key).unwrap();
    let address = echo(server).await;
    let trust = Trust::open(authority.file()).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let refused = trust.connect("localhost", stream).await.unwrap_err();
    assert!(
        refused.to_string().contains("certificate expired"),
        "{refused}"
    );
}
