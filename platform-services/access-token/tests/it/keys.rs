//! Keys that change, are late, or cannot be fetched.

use std::time::Duration;

use access_token::{
    JwksSource, Role, TokenError, Verifier, VerifierSettings, sign::jwks, testing::Issuer,
};
use test_support::tls::Authority;
use tls::{ServerTls, Trust};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::Address;

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let address = Address::new(old.jwks_json());
    let verifier = address.verifier();
    let first = old.token("u", &[Role::Customer]);
    verifier.verify(&first).await.expect("good");
    address.answers(Ok(jwks([old.key(), new.key()])));
    tokio::time::advance(Duration::from_secs(3)).await;
    let second = new.token("u", &[Role::Customer]);
    verifier.verify(&second).await.expect("good");
    verifier.verify(&first).await.expect("still good");
    assert_eq!(address.asked(), 2);
    // The old key is withdrawn: with the next fetch its tokens end, remembered or not.
    address.answers(Ok(new.jwks_json()));
    verifier.refresh().await.expect("fetched");
    assert_eq!(verifier.verify(&first).await, Err(TokenError::UnknownKey));
    verifier.verify(&second).await.expect("good");
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_do_not_make_it_ask_all_the_time() {
    let (ours, other) = (Issuer::new(), Issuer::new());
    let address = Address::new(ours.jwks_json());
    let verifier = address.verifier();
    for _ in 0..100 {
        let token = other.token("u", &[]);
        assert_eq!(verifier.verify(&token).await, Err(TokenError::UnknownKey));
    }
    assert_eq!(address.asked(), 1);
    tokio::time::advance(Duration::from_secs(3)).await;
    let token = other.token("u", &[]);
    assert_eq!(verifier.verify(&token).await, Err(TokenError::UnknownKey));
    assert_eq!(address.asked(), 2);
}

#[tokio::test]
async fn many_first_tokens_make_one_fetch() {
    let issuer = Issuer::new();
    let address = Address::new(issuer.jwks_json());
    let verifier = address.verifier();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (verifier, token) = (verifier.clone(), issuer.token(&format!("u-{n}"), &[]));
        tasks.spawn(async move { verifier.verify(&token).await.map(drop) });
    }
    while let Some(verified) = tasks.join_next().await {
        verified.expect("no panic").expect("good");
    }
    assert_eq!(address.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn old_keys_go_on_while_the_address_is_down() {
    let (ours, new) = (Issuer::new(), Issuer::new());
    let address = Address::new(ours.jwks_json());
    let verifier = address.verifier();
    verifier.verify(&ours.token("u", &[])).await.expect("good");
    for failure in [
        Err("away"),
        Ok("{}".to_owned()),
        Ok(r#"{"keys":[]}"#.to_owned()),
    ] {
        address.answers(failure);
        let asked = address.asked();
        tokio::time::advance(Duration::from_secs(301)).await;
        verifier.verify(&ours.token("u", &[])).await.expect("good");
        // It was asked, beside the request.
        while address.asked() == asked {
            tokio::task::yield_now().await;
        }
        verifier.verify(&ours.token("u", &[])).await.expect("good");
        let unknown = verifier.verify(&new.token("u", &[])).await;
        assert_eq!(unknown, Err(TokenError::Unavailable));
    }
    // It is back, with the new key: found without waiting for the next period.
    address.answers(Ok(jwks([ours.key(), new.key()])));
    tokio::time::advance(Duration::from_secs(3)).await;
    verifier.verify(&new.token("u", &[])).await.expect("good");
}

#[tokio::test(start_paused = true)]
async fn without_any_key_nothing_can_be_said() {
    let issuer = Issuer::new();
    let address = Address::new(String::new());
    let verifier = address.verifier();
    let token = issuer.token("u", &[]);
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Unavailable));
    address.answers(Ok(issuer.jwks_json()));
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Unavailable));
    tokio::time::advance(Duration::from_secs(2)).await;
    verifier.verify(&token).await.expect("good");
}

#[tokio::test]
async fn keys_of_other_kinds_do_not_disturb() {
    let issuer = Issuer::new();
    let mut set: serde_json::Value = serde_json::from_str(&issuer.jwks_json()).expect("json");
    let keys = set["keys"].as_array_mut().expect("keys");
    for other in [
        r#"{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"oct","kid":"o","k":"c2VjcmV0"}"#,
        r#"{"kty":"new","kid":"n"}"#,
        r#"{"kty":"EC","crv":"P-999","kid":"e","x":"AQ","y":"AQ"}"#,
        r#"7"#,
    ] {
        keys.insert(0, serde_json::from_str(other).expect("json"));
    }
    let verifier = Address::new(set.to_string()).verifier();
    verifier
        .verify(&issuer.token("u", &[]))
        .await
        .expect("good");
}

#[tokio::test]
async fn a_file_is_a_source_too() {
    let issuer = Issuer::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), issuer.jwks_json()).expect("written");
    let verifier = Verifier::new(JwksSource::file(file.path()), patient());
    verifier
        .verify(&issuer.token("u", &[]))
        .await
        .expect("good");
    let nowhere = Verifier::new(JwksSource::file("/nowhere"), VerifierSettings::default());
    let answer = nowhere.verify(&issuer.token("u", &[])).await;
    assert_eq!(answer, Err(TokenError::Unavailable));
}

/// For sources outside of this process's memory, which a busy machine keeps waiting.
fn patient() -> VerifierSettings {
    VerifierSettings {
        fetch_timeout: Duration::from_secs(60),
        ..VerifierSettings::default()
    }
}

/// Answers each connection with one of the texts, then takes no more.
async fn serve(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            heads.push(String::from_utf8(head).expect("text"));
            stream.write_all(answer.as_bytes()).await.expect("written");
        }
        heads
    });
    (format!("http://{address}/keys?v=1"), server)
}

#[tokio::test]
async fn keys_come_over_http() {
    let issuer = Issuer::new();
    let body = issuer.jwks_json();
    let good = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let closed = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
    let wrong = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (url, server) = serve(vec![wrong, good, closed]).await;
    let source = JwksSource::url(&url, &Trust::default()).expect("a URL");
    let verifier = Verifier::new(source, patient());
    verifier.refresh().await.expect_err("500");
    verifier.refresh().await.expect("fetched");
    verifier.refresh().await.expect("fetched");
    verifier
        .verify(&issuer.token("u", &[]))
        .await
        .expect("good");
    let heads = server.await.expect("no panic");
    assert!(
        heads[0].starts_with("GET /keys?v=1 HTTP/1.1\r\n"),
        "{heads:?}"
    );
    assert!(heads[0].contains("\r\nhost: 127.0.0.1:"), "{heads:?}");
    // Nobody listens any more.
    verifier.refresh().await.expect_err("refused");
    verifier
        .verify(&issuer.token("u", &[]))
        .await
        .expect("good");
}

#[tokio::test]
async fn keys_come_over_tls_from_whom_is_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let issued = authority.issue("server", 2050);
    let server = ServerTls::open(&issued.certificate, &issued.key).expect("a pair");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let issuer = Issuer::new();
    let body = issuer.jwks_json();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            let Ok(mut stream) = server.handshake(stream).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a request"));
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("sent");
            stream.flush().await.expect("sent");
        }
    });
    let url = format!("https://localhost:{port}/keys");
    let verifier = |trust: &Trust| {
        let source = JwksSource::url(&url, trust).expect("a URL");
        Verifier::new(source, VerifierSettings::default())
    };
    let refused = verifier(&Trust::default()).refresh().await;
    let refused = refused.expect_err("nobody to be trusted");
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    let trusting = verifier(&Trust::open(authority.file()).expect("an authority"));
    trusting.refresh().await.expect("fetched");
    let token = issuer.token("u", &[]);
    trusting.verify(&token).await.expect("good");
}

#[test]
fn only_http_is_a_url() {
    for bad in ["", "keys.json", "ftp://host/", "http://"] {
        JwksSource::url(bad, &Trust::default()).expect_err(bad);
    }
}
