use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::Value;
use service_kit::{
    http::{App, Json, Path, Problem, RequestContext, Settings},
    metrics,
    shutdown::Stop,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: String,
}

struct Served {
    address: SocketAddr,
    stop: Stop,
    task: JoinHandle<()>,
    up: Arc<AtomicBool>,
    entered: Arc<Notify>,
    release: Arc<Notify>,
}

async fn serve(settings: Settings) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, up) = (Stop::default(), Arc::new(AtomicBool::new(true)));
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let is_up = Arc::clone(&up);
    let app = App::new(metrics::registry("test", "1"))
        .openapi(r#"{"openapi":"3.1.0","info":{"title":"Test","version":"1"}}"#)
        .check("store", move || {
            let up = is_up.load(Ordering::Relaxed);
            async move { if up { Ok(()) } else { Err("gone".to_owned()) } }
        });
    let (inside, go) = (Arc::clone(&entered), Arc::clone(&release));
    let routes = Router::new()
        .route(
            "/things/{n}",
            get(|Path(n): Path<u32>| async move { n.to_string() }),
        )
        .route(
            "/things",
            post(|Json(body): Json<Body>| async move { body.name }),
        )
        .route(
            "/id",
            get(|context: RequestContext| async move { context.request_id }),
        )
        .route(
            "/panic",
            get(|| async { panic!("on purpose") as StatusCode }),
        )
        .route(
            "/taken",
            get(|| async {
                Problem::new(StatusCode::CONFLICT, "TAKEN", "Taken", "it is").with("by", "you")
            }),
        )
        .route(
            "/slow",
            get(move || async move {
                inside.notify_one();
                go.notified().await;
                "done"
            }),
        );
    let told = stop.clone();
    let task = tokio::spawn(async move { app.serve(listener, routes, settings, &told).await });
    Served {
        address,
        stop,
        task,
        up,
        entered,
        release,
    }
}

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn code(&self) -> String {
        let kind = self.headers.get("content-type").unwrap();
        assert_eq!(kind, "application/problem+json");
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

impl Served {
    async fn send(&self, request: ureq::http::request::Builder, body: &str) -> Answer {
        let request = request.body(body.to_owned()).unwrap();
        tokio::task::spawn_blocking(move || {
            let config = ureq::Agent::config_builder().http_status_as_error(false);
            let agent: ureq::Agent = config.allow_non_standard_methods(true).build().into();
            let mut response = agent.run(request).unwrap();
            Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                body: response.body_mut().read_to_string().unwrap(),
            }
        })
        .await
        .unwrap()
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        let uri = format!("http://{}{path}", self.address);
        ureq::http::Request::builder().method(method).uri(uri)
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path), "").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_refused_is_a_problem() {
    let served = serve(Settings::default()).await;
    let json =
        |request: ureq::http::request::Builder| request.header("content-type", "application/json");
    let answer = served.get("/nothing").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"));
    let answer = served.send(served.request("DELETE", "/things"), "").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (405, "METHOD_NOT_ALLOWED")
    );
    assert_eq!(answer.headers.get("allow").unwrap(), "POST");
    let answer = served.get("/things/x").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "INVALID_REQUEST")
    );
    for body in ["", "{", "{}", r#"{"name":"a","more":1}"#] {
        let answer = served
            .send(json(served.request("POST", "/things")), body)
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "INVALID_REQUEST"),
            "{body}"
        );
    }
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    let answer = served
        .send(json(served.request("POST", "/things")), &large)
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "BODY_TOO_LARGE")
    );
    assert!(answer.json()["detail"].as_str().unwrap().contains("65536"));
    let text = served
        .request("POST", "/things")
        .header("content-type", "text/plain");
    let answer = served.send(text, r#"{"name":"a"}"#).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (415, "UNSUPPORTED_MEDIA_TYPE")
    );
    let answer = served.get("/panic").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "INTERNAL"));
    let answer = served.get("/taken").await;
    let problem = serde_json::json!({
        "type": "/problems/taken", "title": "Taken", "status": 409, "code": "TAKEN",
        "detail": "it is", "retryable": false, "by": "you",
    });
    assert_eq!(answer.json(), problem);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_an_id_and_is_counted() {
    let served = serve(Settings::default()).await;
    let answer = served
        .send(
            served.request("GET", "/id").header("x-request-id", "mine"),
            "",
        )
        .await;
    assert_eq!(
        (
            answer.body.as_str(),
            answer.headers.get("x-request-id").unwrap().as_bytes()
        ),
        ("mine", &b"mine"[..])
    );
    let answer = served.get("/nothing").await;
    assert_eq!(answer.headers.get("x-request-id").unwrap().len(), 16);
    served.get("/things/7").await;
    let text = served.get("/metrics").await.body;
    for line in [
        r#"test_http_requests_total{route="GET /things/{n}",status="200"} 1"#,
        r#"test_http_requests_total{route="GET unmatched",status="404"} 1"#,
        r#"test_http_request_duration_seconds_count{route="GET /id"} 1"#,
        "test_http_requests_in_flight 1",
        r#"test_build_info{version="1"} 1"#,
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(served.get("/openapi.json").await.json()["openapi"], "3.1.0");
    assert!(served.get("/docs").await.body.contains("/openapi.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_names_what_is_missing() {
    let served = serve(Settings::default()).await;
    assert_eq!(served.get("/healthz").await.json()["status"], "ok");
    let ready = served.get("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["status"].as_str()),
        (200, Some("ready"))
    );
    let up = |up: u8| format!("test_dependency_up{{dependency=\"store\"}} {up}\n");
    assert!(served.get("/metrics").await.body.contains(&up(1)));
    served.up.store(false, Ordering::Relaxed);
    assert!(served.get("/metrics").await.body.contains(&up(0)));
    let unready = served.get("/readyz").await;
    assert_eq!(unready.status, 503);
    let store = serde_json::json!({"status": "down", "detail": "gone"});
    assert_eq!(unready.json()["dependencies"]["store"], store);
    assert_eq!(served.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_is_answered_in_time() {
    let served = serve(Settings {
        request_timeout: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    let answer = served.get("/slow").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (504, "OUTCOME_UNKNOWN")
    );
    assert_eq!(answer.json()["retryable"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_requests_end_and_cuts_what_does_not() {
    let served = serve(Settings::default()).await;
    let slow = served.get("/slow");
    let stopping = async {
        served.entered.notified().await;
        served.stop.drain.cancel();
        served.release.notify_one();
    };
    let (answer, ()) = tokio::join!(slow, stopping);
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    served.task.await.unwrap();
    assert!(std::net::TcpStream::connect(served.address).is_err());

    let served = serve(Settings {
        drain_timeout: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    let request = served.request("GET", "/slow").body(()).unwrap();
    let cut = tokio::task::spawn_blocking(move || ureq::run(request).is_err());
    served.entered.notified().await;
    served.stop.drain.cancel();
    served.task.await.unwrap();
    assert!(cut.await.unwrap());
}
