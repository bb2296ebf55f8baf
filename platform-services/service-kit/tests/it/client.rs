//! The client against a server that hangs, fails, drips and hangs up.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use service_kit::{
    client::{Client, ClientError, ClientSettings, Grant, Outbound, TokenSource},
    http::{Json, Problem, RequestContext},
    metrics,
    tls::Trust,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use crate::support::until;

const MS: Duration = Duration::from_millis(1);

/// With the patience of a busy machine: only what hangs is given up.
fn settings() -> ClientSettings {
    ClientSettings {
        connect_timeout: 30_000 * MS,
        attempt_timeout: 3000 * MS,
        timeout: 60_000 * MS,
        pause_first: 5 * MS,
        pause_longest: 20 * MS,
        breaker_failures: 1000,
        breaker_open: 200 * MS,
        body_bytes_max: 10_000,
        ..ClientSettings::new("neighbour")
    }
}

#[derive(Default)]
struct Neighbour {
    hits: AtomicUsize,
    broken: AtomicBool,
    logins: AtomicUsize,
}

impl Neighbour {
    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

async fn serve() -> (SocketAddr, Arc<Neighbour>) {
    let neighbour = Arc::new(Neighbour::default());
    let routes = Router::new()
        .route("/flaky", get(flaky).post(flaky))
        .route("/hang", get(hang).post(hang))
        .route("/drip", get(drip))
        .route("/large", get(|| async { "x".repeat(20_000) }))
        .route("/busy", post(busy))
        .route("/taken", post(taken))
        .route("/text", get(|| async { "not json" }))
        .route("/headers", get(headers))
        .route("/private", get(private))
        .route("/api/auth/token", post(login))
        .with_state(Arc::clone(&neighbour));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (address, neighbour)
}

type Shared = State<Arc<Neighbour>>;

async fn flaky(State(neighbour): Shared) -> Response {
    neighbour.hits.fetch_add(1, Ordering::SeqCst);
    if neighbour.broken.load(Ordering::SeqCst) {
        return Problem::internal().into_response();
    }
    Json(json!({"fine": true})).into_response()
}

async fn hang(State(neighbour): Shared) {
    neighbour.hits.fetch_add(1, Ordering::SeqCst);
    std::future::pending::<()>().await;
}

/// The head at once, the body never.
async fn drip(State(neighbour): Shared) -> Body {
    neighbour.hits.fetch_add(1, Ordering::SeqCst);
    Body::from_stream(futures_util::stream::pending::<
        Result<String, std::io::Error>,
    >())
}

async fn busy(State(neighbour): Shared) -> Problem {
    neighbour.hits.fetch_add(1, Ordering::SeqCst);
    Problem::overloaded("later")
}

async fn taken(State(neighbour): Shared) -> Problem {
    neighbour.hits.fetch_add(1, Ordering::SeqCst);
    Problem::new(StatusCode::CONFLICT, "TAKEN", "Taken", "it is").with("by", "you")
}

async fn headers(headers: HeaderMap) -> Json<Value> {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    Json(json!({
        "requestId": text("x-request-id"),
        "traceparent": text("traceparent"),
        "authorization": text("authorization"),
    }))
}

/// Wants the newest token.
async fn private(State(neighbour): Shared, headers: HeaderMap) -> Response {
    let wanted = format!("Bearer t{}", neighbour.logins.load(Ordering::SeqCst));
    if headers.get("authorization").unwrap().to_str().unwrap() == wanted {
        Json(json!({"fine": true})).into_response()
    } else {
        Problem::unauthenticated("an old token").into_response()
    }
}

async fn login(State(neighbour): Shared, Json(body): Json<Value>) -> Response {
    if body["clientSecret"] != "s" || body["grantType"] != "client_credentials" {
        return Problem::unauthenticated("wrong").into_response();
    }
    // Long enough that callers meet here.
    tokio::time::sleep(20 * MS).await;
    let n = neighbour.logins.fetch_add(1, Ordering::SeqCst) + 1;
    Json(json!({"accessToken": format!("t{n}"), "tokenType": "Bearer", "expiresIn": 900}))
        .into_response()
}

fn client(address: SocketAddr, settings: ClientSettings) -> (Client, Registry) {
    let mut registry = Registry::default();
    let metrics = Outbound::register(&mut registry, Trust::default());
    let url = format!("http://{address}");
    let client = Client::new(&url, settings, TokenSource::none(), &metrics).unwrap();
    (client, registry)
}

fn is_unknown(error: &ClientError) -> bool {
    matches!(error, ClientError::Unknown { .. })
}

fn is_unavailable(error: &ClientError) -> bool {
    matches!(error, ClientError::Unavailable { .. })
}

#[tokio::test]
async fn what_may_be_repeated_is_and_nothing_else() {
    let (address, neighbour) = serve().await;
    let (client, registry) = client(address, settings());
    neighbour.broken.store(true, Ordering::SeqCst);
    for (call, attempts) in [
        (client.get("/flaky"), 3),
        (client.post("/flaky").idempotent(), 3),
        (client.post("/flaky"), 1),
        (client.post("/hang"), 1),
    ] {
        let before = neighbour.hits();
        let error = call.send().await.unwrap_err();
        assert!(is_unknown(&error), "{error}");
        assert_eq!(neighbour.hits() - before, attempts);
    }
    neighbour.broken.store(false, Ordering::SeqCst);
    let answer: Value = client.get("/flaky").fetch().await.unwrap();
    assert_eq!(answer, json!({"fine": true}));
    let text = metrics::text(&registry);
    for line in [
        r#"client_calls_total{neighbour="neighbour",outcome="unknown"} 4"#,
        r#"client_calls_total{neighbour="neighbour",outcome="fulfilled"} 1"#,
        r#"client_retries_total{neighbour="neighbour"} 4"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_fields() {
    let (address, neighbour) = serve().await;
    let (client, _) = client(address, settings());
    let error = client.post("/taken").idempotent().send().await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error}");
    assert_eq!((error.status(), error.code()), (Some(409), "TAKEN"));
    assert_eq!(error.remote().unwrap().fields["by"], "you");
    assert_eq!(neighbour.hits(), 1);
    let error = client.get("/nowhere").send().await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(404), ""));
}

#[tokio::test]
async fn a_503_did_nothing() {
    let (address, neighbour) = serve().await;
    let (client, _) = client(address, settings());
    let error = client.post("/busy").send().await.unwrap_err();
    assert!(is_unavailable(&error), "{error}");
    assert_eq!((error.status(), error.code()), (Some(503), "OVERLOADED"));
    assert_eq!(neighbour.hits(), 1);
    // It asked for a second between attempts, which there are not three of.
    let begun = Instant::now();
    let error = client.post("/busy").idempotent().send().await.unwrap_err();
    assert!(is_unavailable(&error), "{error}");
    assert!(begun.elapsed() >= 2000 * MS, "{:?}", begun.elapsed());
    assert_eq!(neighbour.hits(), 4);
}

#[tokio::test]
async fn slowness_has_an_end_wherever_it_is() {
    let (address, neighbour) = serve().await;
    let quick = ClientSettings {
        timeout: 4000 * MS,
        ..settings()
    };
    let (client, _) = client(address, quick);
    for path in ["/hang", "/drip"] {
        let begun = Instant::now();
        let error = client.get(path).send().await.unwrap_err();
        assert!(is_unknown(&error), "{error}");
        assert!(begun.elapsed() < 30_000 * MS, "{:?}", begun.elapsed());
    }
    assert!(neighbour.hits() >= 2);
    for path in ["/large", "/text"] {
        let error = client.get(path).fetch::<Value>().await.unwrap_err();
        assert!(is_unknown(&error), "{error}");
    }
}

#[tokio::test]
async fn who_hangs_up_leaves_it_open_and_who_is_not_there_did_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut taken = 0;
        while taken < 1 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            taken += 1;
        }
    });
    let (client, _) = client(address, settings());
    let error = client.post("/").send().await.unwrap_err();
    assert!(is_unknown(&error), "{error}");
    serving.await.unwrap();
    let (client, _) = self::client(([127, 0, 0, 1], 1).into(), settings());
    let error = client.post("/").send().await.unwrap_err();
    assert!(is_unavailable(&error), "{error}");
}

#[tokio::test]
async fn a_breaker_opens_spares_the_neighbour_and_closes_again() {
    let (address, neighbour) = serve().await;
    let strict = ClientSettings {
        breaker_failures: 3,
        // Long enough for the calls that it refuses.
        breaker_open: 4000 * MS,
        retries: 0,
        ..settings()
    };
    let (client, registry) = client(address, strict);
    let state = |n: u8| {
        let line = format!("client_breaker_state{{neighbour=\"neighbour\"}} {n}\n");
        metrics::text(&registry).contains(&line)
    };
    // Refusals are none of its business.
    for _ in 0..5 {
        client.post("/taken").send().await.unwrap_err();
    }
    assert!(state(0));
    neighbour.broken.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(is_unknown(&client.get("/flaky").send().await.unwrap_err()));
    }
    assert!(state(1));
    let before = neighbour.hits();
    for _ in 0..20 {
        let error = client.post("/flaky").send().await.unwrap_err();
        assert!(
            is_unavailable(&error) && error.status().is_none(),
            "{error}"
        );
    }
    assert_eq!(neighbour.hits(), before);
    // It is tried, found still broken, and left alone again.
    until("a failed probe", || async {
        client.get("/flaky").send().await.unwrap_err();
        neighbour.hits() > before
    })
    .await;
    assert!(state(1));
    neighbour.broken.store(false, Ordering::SeqCst);
    until("closed again", || async {
        let _ = client.get("/flaky").send().await;
        state(0)
    })
    .await;
    client.get("/flaky").send().await.unwrap();
}

#[tokio::test]
async fn a_hanging_neighbour_takes_a_bounded_number_of_places() {
    let (address, neighbour) = serve().await;
    let narrow = ClientSettings {
        connections_max: 2,
        attempt_timeout: 30_000 * MS,
        timeout: 30_000 * MS,
        ..settings()
    };
    let (client, _) = client(address, narrow);
    let hanging = [(); 2].map(|()| tokio::spawn(client.post("/hang").send()));
    until("both hang", || async { neighbour.hits() == 2 }).await;
    let mut third = tokio::spawn(client.get("/flaky").send());
    let waited = tokio::time::timeout(100 * MS, &mut third).await;
    assert!(waited.is_err(), "there was no place");
    assert_eq!(neighbour.hits(), 2);
    hanging[0].abort();
    third.await.unwrap().unwrap();
    hanging[1].abort();
}

#[tokio::test]
async fn ids_and_tokens_are_passed_on() {
    let (address, _) = serve().await;
    let mut registry = Registry::default();
    let metrics = Outbound::register(&mut registry, Trust::default());
    let url = format!("http://{address}/");
    let client = Client::new(&url, settings(), TokenSource::fixed("abc"), &metrics).unwrap();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let context = RequestContext {
        request_id: "req-1".to_owned(),
        traceparent: Some(traceparent.to_owned()),
        ..RequestContext::default()
    };
    let seen: Value = client
        .get("/headers")
        .context(&context)
        .fetch()
        .await
        .unwrap();
    assert_eq!(
        seen,
        json!({"requestId": "req-1", "traceparent": traceparent, "authorization": "Bearer abc"})
    );
    let secret = "s".to_owned().into();
    let basic = TokenSource::basic("u", Some(&secret));
    let client = Client::new(&url, settings(), basic, &metrics).unwrap();
    let seen: Value = client.get("/headers").fetch().await.unwrap();
    assert_eq!(seen["authorization"], "Basic dTpz");
}

#[tokio::test]
async fn one_login_serves_all_until_the_token_is_refused() {
    let (address, neighbour) = serve().await;
    let mut registry = Registry::default();
    let metrics = Outbound::register(&mut registry, Trust::default());
    let url = format!("http://{address}");
    let tokens = |secret: &str| {
        TokenSource::client_credentials(&url, "c", secret.to_owned().into(), &metrics).unwrap()
    };
    let client = Client::new(&url, settings(), tokens("s"), &metrics).unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(client.get("/private").send()))
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(neighbour.logins.load(Ordering::SeqCst), 1);
    // As after a change of keys: the old token does not count any more.
    neighbour.logins.fetch_add(1, Ordering::SeqCst);
    client.get("/private").send().await.unwrap();
    assert_eq!(neighbour.logins.load(Ordering::SeqCst), 3);
    // Who may not log in sends nothing.
    let client = Client::new(&url, settings(), tokens("wrong"), &metrics).unwrap();
    let error = client.get("/private").send().await.unwrap_err();
    assert!(is_unavailable(&error), "{error}");
}

#[tokio::test]
async fn a_token_that_is_soon_over_is_renewed_and_kept_if_that_fails() {
    let (address, _) = serve().await;
    let mut registry = Registry::default();
    let metrics = Outbound::register(&mut registry, Trust::default());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let tokens = TokenSource::issued_by(move || {
        let n = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            // Its last quarter begins after 150 ms.
            let expires_in = if n == 0 { 200 * MS } else { 3_600_000 * MS };
            match n {
                1 => Err("away".to_owned()),
                n => Ok(Grant {
                    token: format!("t{n}").into(),
                    expires_in,
                }),
            }
        }
    });
    let url = format!("http://{address}");
    let client = Client::new(&url, settings(), tokens, &metrics).unwrap();
    let seen = || async {
        let call = client.get("/headers").fetch::<Value>().await;
        call.map(|seen| seen["authorization"].as_str().unwrap().to_owned())
    };
    assert_eq!(seen().await.unwrap(), "Bearer t0");
    until("the token is renewed", || async {
        seen().await.is_ok_and(|token| token == "Bearer t2")
    })
    .await;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}
