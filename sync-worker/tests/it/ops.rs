//! The ops port: health, metrics, the audit log and the reservation query.

use std::{path::Path, sync::Arc};

use access_token::{Role, testing::Issuer};
use devstack::process::ServerProcess;
use inventory_core::{Context, CustomerId, Metadata, OrderId, Reserve, Return, Text};
use serde_json::{Value, json};
use service_kit::tls::ServerTls;
use sync_worker::{
    ops::{Ops, serve},
    status::{Phase, Status},
};
use test_support::tls::{Authority, Secure};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{bench::*, support::*};

/// A port that answers from a bench.
struct Port {
    bench: Bench,
    url: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
struct Got {
    status: u16,
    request_id: String,
    content_type: String,
    text: String,
}

impl Got {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The fields that a 400 names.
    #[track_caller]
    fn faults(&self) -> Vec<String> {
        assert_eq!(self.status, 400, "{self:?}");
        assert_eq!(self.content_type, "application/problem+json");
        let json = self.json();
        assert_eq!(json["code"], "INVALID_REQUEST");
        let errors = json["errors"].as_array().unwrap().iter();
        errors
            .map(|e| e["field"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn port(bench: Bench) -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let ops = Ops::new(
        bench.world.pool.clone(),
        S,
        Arc::clone(&bench.working.status),
    );
    let task = tokio::spawn(serve(listener, ops, stop.clone()));
    Port {
        bench,
        url,
        stop,
        task,
    }
}

impl Port {
    async fn get(&self, path: &str) -> Got {
        self.send("GET", path, None).await
    }

    async fn send(&self, method: &'static str, path: &str, id: Option<&'static str>) -> Got {
        let url = format!("{}{path}", self.url);
        let asked = tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .build()
                .into();
            let mut request = ureq::http::Request::builder().method(method).uri(url);
            if let Some(id) = id {
                request = request.header("x-request-id", id);
            }
            let mut response = agent.run(request.body(()).unwrap()).unwrap();
            let header = |name: &str| {
                let value = response.headers().get(name);
                value.map_or("", |value| value.to_str().unwrap()).to_owned()
            };
            Got {
                status: response.status().as_u16(),
                request_id: header("x-request-id"),
                content_type: header("content-type"),
                text: response.body_mut().read_to_string().unwrap(),
            }
        });
        asked.await.unwrap()
    }
}

fn ordered(id: &str, order: &str, customer: &str, items: &[(&str, u32)]) -> Reserve {
    Reserve {
        order: Some(OrderId::parse(order).unwrap()),
        customer: Some(CustomerId::parse(customer).unwrap()),
        ..reserve(id, items)
    }
}

#[tokio::test]
async fn alive_ready_and_measured() {
    let port = port(Bench::stocked().await).await;
    assert_eq!(port.get("/healthz").await.json(), json!({"status": "ok"}));
    // On a busy machine there are moments at which it is not known whether all is projected, or
    // MariaDB answers late.
    let mut ready = Value::Null;
    eventually("ready, and level", async || {
        let got = port.get("/readyz").await;
        ready = got.json();
        got.status == 200 && ready["dependencies"]["projection"]["lagSeconds"] == 0.0
    })
    .await;
    let dependencies = &ready["dependencies"];
    assert_eq!(dependencies["redis"]["status"], "up");
    assert_eq!(dependencies["mariadb"]["status"], "up");
    assert_eq!(dependencies["projection"]["status"], "following");
    let mut metrics = String::new();
    eventually("level", async || {
        metrics = port.get("/metrics").await.text;
        metrics.contains("sync_worker_projection_lag_seconds 0.0\n")
            && metrics.contains("sync_worker_dead_letters_open 0\n")
    })
    .await;
    assert!(metrics.ends_with("# EOF\n"));
    for line in [
        "sync_worker_projection_drift_total 0",
        "sync_worker_redis_up 1",
        "sync_worker_database_up 1",
        r#"sync_worker_phase{phase="following"} 1"#,
    ] {
        assert!(
            metrics.contains(&format!("{line}\n")),
            "{line} in\n{metrics}"
        );
    }
    port.stop.cancel();
    port.task.await.unwrap();
}

#[tokio::test]
async fn what_the_last_complete_check_found_is_measured() {
    let port = port(Bench::stocked().await).await;
    let checked = async || {
        let metrics = port.get("/metrics").await.text;
        let figure = |name: &str| -> f64 {
            let start = format!("sync_worker_reconcile_check_{name} ");
            let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
            line.unwrap().parse().unwrap()
        };
        (figure("timestamp_seconds"), figure("differences"))
    };
    assert_eq!(checked().await, (0.0, 0.0));
    port.bench.run(&["check"]).await.ends(0);
    let (first, found) = checked().await;
    assert!(first > 1.7e9 && found == 0.0, "{first} {found}");
    port.bench
        .redis(&["HINCRBY", &k("stock:default:a"), "availableQuantity", "5"]);
    // A look at one SKU says nothing of all.
    port.bench.run(&["check", "--sku", "a"]).await.ends(1);
    assert_eq!(checked().await, (first, 0.0));
    port.bench.run(&["check"]).await.ends(1);
    let (second, found) = checked().await;
    assert!(second > first && found == 1.0, "{second} {found}");
    port.stop.cancel();
    port.task.await.unwrap();
}

#[tokio::test]
async fn not_ready_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/readyz", listener.local_addr().unwrap());
    let pool = sync_worker::database::pool("mysql://root@127.0.0.1:1/x").unwrap();
    let status = Arc::new(Status::default());
    status.enter(Phase::Fenced {
        why: "decide".to_owned(),
    });
    let ops = Ops::new(pool, S, status);
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, ops, stop.clone()));
    let asked = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = agent.get(url).call().unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), text)
    });
    let (code, text) = asked.await.unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, 503);
    assert_eq!(json["dependencies"]["redis"]["status"], "down");
    assert_eq!(json["dependencies"]["mariadb"]["status"], "down");
    assert_eq!(json["dependencies"]["projection"]["detail"], "decide");
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_asked_is_a_problem() {
    let port = port(bench().await).await;
    let query = "/api/reservations";
    let wanted = ["orderId", "customerId", "skuId"];
    assert_eq!(port.get(query).await.faults(), wanted);
    assert_eq!(
        port.get("/api/v1/reservations?limit=5").await.faults(),
        wanted
    );
    assert_eq!(
        port.get(&format!(
            "{query}?skuId=a&status=OPEN&limit=0&page=2&cursor=x"
        ))
        .await
        .faults(),
        ["page", "status", "limit", "cursor"]
    );
    assert_eq!(
        port.get(&format!("{query}?orderId=a%20b")).await.faults(),
        ["orderId"]
    );
    assert_eq!(
        port.get(&format!("{query}?skuId=a&skuId=b")).await.faults(),
        ["skuId"]
    );
    let logs = "/api/inventories/logs";
    assert_eq!(
        port.get(&format!(
            "{logs}?from=yesterday&to=2026-13-01T00:00:00Z&cursor=1-2&x=1"
        ))
        .await
        .faults(),
        ["x", "from", "to", "cursor"]
    );
    let backwards = format!("{logs}?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z");
    assert_eq!(port.get(&backwards).await.faults(), ["to"]);

    let nothing = port.send("GET", "/api/what", Some("my-id")).await;
    assert_eq!((nothing.status, &*nothing.request_id), (404, "my-id"));
    assert_eq!(nothing.json()["code"], "NOT_FOUND");
    let method = port.send("DELETE", query, None).await;
    assert_eq!(
        (method.status, &method.json()["code"]),
        (405, &json!("METHOD_NOT_ALLOWED"))
    );
    assert_eq!(method.request_id.len(), 16);
}

#[tokio::test]
async fn reservations_are_found_by_order_customer_and_sku() {
    let bench = bench().await;
    let (engine, world) = (&bench.world.engine, &bench.world);
    for (operation, stock) in [("op-a", "a"), ("op-b", "b"), ("op-s", "seoul|a")] {
        world.put(operation, stock, 100).await;
    }
    let command = Reserve {
        metadata: Some(Metadata::from_compact_json(r#"{"b":1,"a":[true]}"#).unwrap()),
        ..ordered("r-1", "o-1", "c-1", &[("a", 2), ("seoul|a", 1)])
    };
    engine.reserve(S, &command, soon()).await.unwrap().unwrap();
    for (id, order) in [("r-2", "o-2"), ("r-3", "o-3"), ("r:4", "o-4")] {
        let command = ordered(id, order, "c-1", &[("a", 1), ("b", 1)]);
        engine.reserve(S, &command, soon()).await.unwrap().unwrap();
    }
    engine
        .confirm(S, &confirm("r-2"), soon())
        .await
        .unwrap()
        .unwrap();
    let back = Return {
        id: rid("r-2"),
        return_id: oid("ret-1"),
        lines: Some(lines(&[("b", 1)])),
        context: Context::default(),
    };
    engine
        .return_goods(S, &back, soon())
        .await
        .unwrap()
        .unwrap();
    let mut gone = release("r-3");
    gone.reason = Some(Text::parse("changed my mind").unwrap());
    engine.release(S, &gone, soon()).await.unwrap().unwrap();
    world.at_rest().await;
    let port = port(bench).await;
    let list = async |query: &str| {
        let got = port.get(&format!("/api/reservations?{query}")).await;
        assert_eq!(got.status, 200, "{got:?}");
        got.json()
    };
    let ids = |json: &Value| -> Vec<String> {
        let found = json["reservations"].as_array().unwrap().iter();
        found
            .map(|r| r["reservationId"].as_str().unwrap().to_owned())
            .collect()
    };

    let one = list("orderId=o-1").await;
    let reservation = &one["reservations"][0];
    assert_eq!(
        reservation["items"],
        json!([
            {"skuId": "a", "locationId": "default", "quantity": 2},
            {"skuId": "a", "locationId": "seoul", "quantity": 1},
        ])
    );
    assert_eq!(reservation["status"], "RESERVED");
    assert_eq!(reservation["metadata"], json!({"b": 1, "a": [true]}));
    assert!(one.get("nextCursor").is_none());
    let two = list("orderId=o-2").await["reservations"][0].clone();
    assert_eq!(two["status"], "PARTIALLY_RETURNED");
    assert_eq!(two["returned"][0]["returnId"], "ret-1");
    assert_eq!(two["confirmedItems"].as_array().unwrap().len(), 2);
    let three = list("customerId=c-1&status=RELEASED").await["reservations"][0].clone();
    assert_eq!(three["releaseReason"], "changed my mind");
    assert_eq!(ids(&list("customerId=c-1&skuId=b").await).len(), 3);
    assert_eq!(ids(&list("skuId=b&status=RESERVED").await), ["r:4"]);
    assert_eq!(ids(&list("orderId=nobody").await), [""; 0]);

    for query in ["customerId=c-1", "skuId=a"] {
        let all = ids(&list(query).await);
        assert_eq!(all.len(), 4, "{query}");
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("{query}&limit=1{cursor}")).await;
            paged.extend(ids(&page));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, all, "{query}");
    }
    let other = port.get("/api/reservations?skuId=a&cursor=a%20b:r").await;
    assert_eq!(other.faults(), ["cursor"]);
}

#[tokio::test]
async fn the_audit_log_is_newest_first_and_pages_hold_still() {
    let port = port(Bench::stocked().await).await;
    let list = async |query: &str| {
        let got = port.get(&format!("/api/inventories/logs?{query}")).await;
        assert_eq!(got.status, 200, "{got:?}");
        got.json()
    };
    let kinds = |json: &Value| -> Vec<String> {
        let found = json["logs"].as_array().unwrap().iter();
        found
            .map(|log| log["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = list("").await;
    let expected = [
        "RELEASED",
        "CONFIRMED",
        "RESERVED",
        "RESERVED",
        "RESERVED",
        "RESERVED",
        "COUNTED",
        "COUNTED",
        "COUNTED",
    ];
    assert_eq!(kinds(&all), expected);
    let newest = &all["logs"][0];
    assert_eq!(
        newest["before"],
        json!({"availableQuantity": 45, "reservedQuantity": 5, "soldQuantity": 0})
    );
    assert_eq!(newest["after"]["availableQuantity"], 50);
    assert_eq!(
        (&newest["version"], &newest["ledgerDelta"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(
        kinds(&list("skuId=a").await),
        ["CONFIRMED", "RESERVED", "RESERVED", "COUNTED"]
    );
    assert_eq!(kinds(&list("skuId=c").await), ["RESERVED", "COUNTED"]);
    assert_eq!(kinds(&list("orderId=o-1").await), [""; 0]);
    let at = newest["at"].as_str().unwrap();
    assert!(kinds(&list(&format!("from={at}")).await).contains(&"RELEASED".to_owned()));
    assert_eq!(kinds(&list("to=2020-01-01T00:00:00Z").await), [""; 0]);

    for query in ["", "skuId=a"] {
        let whole = kinds(&list(query).await);
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("{query}&limit=2{cursor}")).await;
            paged.extend(kinds(&page));
            // What comes meanwhile is newer than the page.
            let id = format!("more-{}", paged.len());
            port.bench.world.reserve(&id, &[("a", 1)]).await;
            port.bench.world.at_rest().await;
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, whole, "{query:?}");
    }
}

/// A worker whose port wants tokens; what is asked here needs no store.
fn guarded(keys: &Path) -> ServerProcess {
    ServerProcess::builder(Path::new(env!("CARGO_BIN_EXE_sync-worker")))
        .without_env("SYNC_")
        .args(["run", "--no-kafka", "--ops-listen=127.0.0.1:0"])
        .args(["--redis-url", "redis://127.0.0.1:1"])
        .args(["--database-url", "mysql://root@127.0.0.1:1/x"])
        .args(["--auth=jwt", "--jwks-file", keys.to_str().unwrap()])
        // Without the lines of `info`, but for the one with the address.
        .args(["--log=json", "--log-level=error,sync_worker::run=info"])
        .start()
        .unwrap()
}

/// The worker's lines in which this field is as said.
fn logged(worker: &ServerProcess, field: &str, value: &str) -> Vec<Value> {
    let log = worker.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &Value| line[field] == value).collect()
}

#[tokio::test]
async fn with_tokens_the_log_is_the_administrators_and_the_audit_says_who_asked() {
    let issuer = Issuer::new();
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), issuer.jwks_json()).unwrap();
    let worker = guarded(keys.path());
    let mut listening = Vec::new();
    eventually("the worker listens", async || {
        listening = logged(&worker, "message", "listening");
        !listening.is_empty()
    })
    .await;
    let address = listening[0]["address"].as_str().unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let roles = || std::iter::once(None).chain(Role::ALL.map(Some));
    let mut audit = Vec::new();
    for path in [
        "/api/inventories/logs",
        "/api/v1/inventories/logs",
        "/api/reservations",
        "/api/v1/reservations",
        "/healthz",
    ] {
        for role in roles() {
            let id = format!("{path} {role:?}").replace(['/', ' ', '(', ')'], "-");
            let mut request = agent
                .get(format!("http://{address}{path}?limit=none"))
                .header("x-request-id", &id);
            if let Some(role) = role {
                let token = issuer.token("somebody", &[role]);
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let status = request.call().unwrap().status().as_u16();
            let expected = match (path, role) {
                ("/healthz", _) => 200,
                (_, None) => 401,
                // Let through, to be told what is wrong with the question.
                (_, Some(Role::Admin)) => 400,
                (path, Some(Role::Service)) if path.contains("reservations") => 400,
                (_, Some(Role::Customer | Role::Service)) => 403,
            };
            assert_eq!(status, expected, "{id}");
            // What administrators ask, and who is refused.
            let who = match (role, status) {
                (Some(Role::Admin), 400) => "admin:somebody",
                (Some(Role::Service), 403) => "service:somebody",
                (Some(Role::Customer), 403) => "customer:somebody",
                _ => continue,
            };
            audit.push(json!([
                who,
                format!("GET {path}"),
                path,
                "refused",
                status,
                id
            ]));
        }
    }
    let said = || {
        let line = |line: &Value| {
            let fields = ["who", "action", "on", "outcome", "status", "request_id"];
            Value::from_iter(fields.map(|field| line[field].clone()))
        };
        logged(&worker, "target", "audit")
            .iter()
            .map(line)
            .collect::<Vec<_>>()
    };
    eventually("the audit is written", async || said().len() >= audit.len()).await;
    assert_eq!(said(), audit);
    assert!(worker.terminate().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_speaks_tls_where_there_is_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let issued = authority.issue("server", 2050);
    let tls = ServerTls::open(&issued.certificate, &issued.key).unwrap();
    let pool = sync_worker::database::pool("mysql://root@127.0.0.1:1/x").unwrap();
    let ops = Ops::new(pool, S, Arc::new(Status::default())).with_tls(Some(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, ops, stop.clone()));
    let ca = authority.file().to_owned();
    let answered = tokio::task::spawn_blocking(move || {
        let mut secure = Secure::connect(&address, &ca, &["http/1.1"]).unwrap();
        secure.get("/healthz").unwrap()
    });
    assert_eq!(
        answered.await.unwrap(),
        (200, r#"{"status":"ok"}"#.to_owned())
    );
    stop.cancel();
    task.await.unwrap();
}
