use std::time::{Duration, Instant};

use crate::support::{
    Server, json,
    raw::{self, Connection},
};

const PATH: &str = "/api/reservations";

#[test]
fn both_versions_of_a_path_answer() {
    let server = Server::start();
    server.stock("a", 5);
    let body = json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 1}]});
    let held = server.post("/api/v1/reservations", &body);
    assert_eq!(held.header("location"), Some("/api/reservations/r"));
    assert_eq!(
        held.expect(201),
        server.get("/api/v1/reservations/r").expect(200)
    );
}

#[test]
fn a_sound_request_id_is_echoed_and_another_replaced() {
    let server = Server::start();
    let id_of = |id: &str| {
        let answer = server.send("GET", "/healthz", &[("x-request-id", id)], None);
        answer.header("x-request-id").expect("an id").to_owned()
    };
    assert_eq!(id_of("my/id?1"), "my/id?1");
    assert_eq!(id_of("a b"), "a b");
    assert_eq!(id_of(&"x".repeat(256)).len(), 256);
    let generated = [id_of(&"x".repeat(257)), id_of("a\tb"), id_of("")];
    assert!(generated.iter().all(|id| id.len() == 16), "{generated:?}");
    assert_ne!(generated[0], generated[1]);
}

#[test]
fn unknown_paths_and_methods_are_told() {
    let server = Server::start();
    server.get("/").refused(404, "NOT_FOUND");
    server
        .post("/api/orders", &json!({"any": "body"}))
        .refused(404, "NOT_FOUND");
    let answer = server.get(PATH);
    assert_eq!(answer.header("allow"), Some("POST"));
    answer.refused(405, "METHOD_NOT_ALLOWED");
    let answer = server.send("PATCH", "/api/inventories/a", &[], Some(b"{}"));
    assert_eq!(answer.header("allow"), Some("DELETE, GET, HEAD, PUT"));
    answer.refused(405, "METHOD_NOT_ALLOWED");
}

#[test]
fn a_body_is_json_whatever_json_calls_itself() {
    let server = Server::start();
    server.stock("a", 100);
    let body = json!({"items": [{"skuId": "a", "quantity": 1}]}).to_string();
    let send = |kind: Option<&str>, body: &str| {
        let headers: Vec<(&str, &str)> = kind
            .map(|kind| ("content-type", kind))
            .into_iter()
            .collect();
        server.send("POST", PATH, &headers, Some(body.as_bytes()))
    };
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.shop+json",
    ] {
        send(Some(kind), &body).expect(201);
    }
    send(None, &body).expect(201);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/+json",
        "json",
        "é",
    ] {
        send(Some(kind), &body).refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    // An empty body is none, whatever its type.
    assert_eq!(send(Some("text/plain"), "").faulty_fields(), ["items"]);
    let release = "/api/reservations/nobody/release";
    server
        .send(
            "POST",
            release,
            &[("content-type", "text/plain")],
            Some(b""),
        )
        .refused(404, "RESERVATION_NOT_FOUND");
    assert_eq!(server.figures("a"), "95/5/0");
}

#[test]
fn an_encoded_body_is_refused() {
    let server = Server::start();
    server.stock("a", 5);
    let body = json!({"items": [{"skuId": "a", "quantity": 1}]}).to_string();
    let send = |encodings: &[&str]| {
        let headers: Vec<_> = encodings.iter().map(|e| ("content-encoding", *e)).collect();
        server.send("POST", PATH, &headers, Some(body.as_bytes()))
    };
    send(&["Identity"]).expect(201);
    for encodings in [&["gzip"][..], &["identity, br"], &["identity", "zstd"]] {
        send(encodings).refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start();
    server.stock("a", 5);
    let got = server.get("/api/inventories/a");
    let head = server.send("HEAD", "/api/inventories/a", &[], None);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), got.header("content-length"));
}

#[test]
fn requests_on_one_connection_are_answered_in_order() {
    let server = Server::start();
    server.stock("a", 5);
    let mut connection = Connection::open(&server);
    let reserve = |id: &str| {
        let body = json!({"reservationId": id, "items": [{"skuId": "a", "quantity": 1}]});
        raw::request("POST", PATH, &body.to_string())
    };
    connection.send([reserve("1"), reserve("2"), reserve("1")].concat());
    let ids: Vec<_> = (0..3)
        .map(|_| connection.answer())
        .map(|a| (a.status, a.body["reservationId"].clone()))
        .collect();
    assert_eq!(
        ids,
        [(201, json!("1")), (201, json!("2")), (200, json!("1"))]
    );
}

#[test]
fn a_body_may_come_in_chunks() {
    let server = Server::start();
    server.stock("a", 5);
    let mut connection = Connection::open(&server);
    connection.send(format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    ));
    let body = json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 1}]}).to_string();
    for byte in body.chars() {
        connection.send(format!("1\r\n{byte}\r\n"));
    }
    connection.send("0\r\n\r\n");
    connection.answer().expect(201);
}

#[test]
fn a_413_reaches_a_client_that_writes_first() {
    let server = Server::start();
    let kib = 1_024;
    for (path, limit) in [(PATH, 64 * kib), ("/api/inventories/bulk", 1_024 * kib)] {
        let mut connection = Connection::open(&server);
        // All of it is read, so the connection goes on.
        let len = (limit + 1).max(900 * kib);
        connection.send(raw::head("POST", path, len));
        connection.send(vec![b' '; len]);
        connection.answer().refused(413, "BODY_TOO_LARGE");
        connection.send(raw::request("GET", "/healthz", ""));
        connection.answer().expect(200);
        // Chunked, without a length that could be looked at first.
        connection.send(format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        ));
        connection.send(format!("{len:x}\r\n{}\r\n0\r\n\r\n", " ".repeat(len)));
        connection.answer().refused(413, "BODY_TOO_LARGE");
    }
    // With more than 1 MiB too much the connection is closed after the answer.
    let mut connection = Connection::open(&server);
    connection.send(raw::head("POST", PATH, 4_096 * kib));
    // The server may stop reading at any time now.
    drop(connection.try_send(vec![b' '; (64 + 1_024) * kib + 1]));
    let answer = connection.answer();
    assert_eq!(answer.header("connection"), Some("close"));
    answer.refused(413, "BODY_TOO_LARGE");
    assert!(connection.rest().is_empty());
    // A client that asks first is not made to send.
    let mut connection = Connection::open(&server);
    connection.send(format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n"));
    connection.answer().refused(413, "BODY_TOO_LARGE");
}

#[test]
fn a_head_that_is_too_long_or_no_http_is_refused() {
    let server = Server::start();
    let mut connection = Connection::open(&server);
    drop(connection.try_send(format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nlong: {}",
        "x".repeat(200_000)
    )));
    assert!(connection.read_until("\r\n").contains("431"));
    let mut connection = Connection::open(&server);
    let headers: String = (0..100).map(|n| format!("h{n}: x\r\n")).collect();
    connection.send(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{headers}\r\n"));
    assert!(connection.read_until("\r\n").contains("431"));
    let mut connection = Connection::open(&server);
    connection.send("\u{16}\u{3}\u{1} this is TLS\r\n\r\n");
    assert!(connection.read_until("\r\n").contains("400"));
    server.get("/healthz").expect(200);
}

#[test]
fn a_client_that_sends_no_head_in_time_is_cut() {
    let server = Server::with(&["--header-timeout-ms=4000"]);
    // Between two requests, too.
    let mut second = Connection::open(&server);
    second.send(raw::request("GET", "/healthz", ""));
    second.answer().expect(200);
    second.send("GET /hea");
    let first = [
        "",
        "GET /healthz HTT",
        "GET /healthz HTTP/1.1\r\nhost: x\r\n",
    ]
    .map(|begin| {
        let mut connection = Connection::open(&server);
        connection.send(begin);
        connection
    });
    for mut connection in first.into_iter().chain([second]) {
        assert!(connection.rest().is_empty());
    }
}

#[test]
fn a_body_that_does_not_come_in_time_is_refused() {
    let server = Server::with(&["--body-timeout-ms=200"]);
    let mut connection = Connection::open(&server);
    // In one go: its time runs from the head.
    connection.send(raw::head("POST", PATH, 100) + "{\"items\":");
    let answer = connection.answer();
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.faulty_fields(), ["body"]);
    assert!(connection.rest().is_empty());
}

#[test]
fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    let server = Server::with(&["--idle-timeout-ms=500", "--header-timeout-ms=60000"]);
    let mut connection = Connection::open(&server);
    // Before the answer, from which the time counts.
    let begun = Instant::now();
    connection.send(raw::request("GET", "/healthz", ""));
    connection.answer().expect(200);
    assert!(connection.rest().is_empty());
    assert!(
        begun.elapsed() >= Duration::from_millis(400),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_connection_too_many_waits_for_a_place() {
    let server = Server::with(&["--connections-max=1"]);
    let mut first = Connection::open(&server);
    first.send(raw::request("GET", "/healthz", ""));
    first.answer().expect(200);
    let mut second = Connection::open(&server);
    second.send(raw::request("GET", "/healthz", ""));
    first.send(raw::request("GET", "/healthz", ""));
    first.answer().expect(200);
    drop(first);
    second.answer().expect(200);
}

#[test]
fn who_does_not_read_its_answers_is_cut_and_others_get_the_place() {
    let flags = [
        "--connections-max=1",
        "--idle-timeout-ms=500",
        "--header-timeout-ms=500",
    ];
    let server = Server::with(&flags);
    let mut first = Connection::open(&server);
    // Far more than what fits into the buffers of both ends.
    for _ in 0..500 {
        first.send(raw::request("GET", "/openapi.json", ""));
    }
    let mut second = Connection::open(&server);
    second.send(raw::request("GET", "/healthz", ""));
    second.answer().expect(200);
    drop(first);
}

#[test]
fn a_refusal_is_kept_nowhere_and_the_page_runs_its_own_script() {
    let server = Server::start();
    let refused = server.get("/api/inventories/none");
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(refused.header("server"), None);
    let page = server.get("/docs");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
}

#[test]
fn a_refusal_reaches_an_http2_client_that_writes_first() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(&server.address)
            .await
            .expect("a connection");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
            .await
            .expect("a handshake");
        tokio::spawn(connection);
        for (path, len, status) in [
            (PATH, 1_500_000, 413),
            (PATH, 64 * 1_024 + 1, 413),
            ("/api/inventories/bulk", 5_000_000, 413),
            ("/nowhere", 1_500_000, 404),
        ] {
            let request = hyper::Request::post(format!("http://{}{path}", server.address))
                .body(" ".repeat(len))
                .expect("a request");
            let response = sender.send_request(request).await.expect("an answer");
            assert_eq!(response.status().as_u16(), status, "{path} {len}");
        }
    });
}

#[test]
fn http2_without_tls_is_understood() {
    let server = Server::start();
    server.stock("a", 1_000);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let held = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(&server.address).await.expect("a connection");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(executor, io).await.expect("a handshake");
        tokio::spawn(connection);
        let requests = (0..100).map(|n| {
            let mut sender = sender.clone();
            let body = json!({"reservationId": format!("r-{n}"), "items": [{"skuId": "a", "quantity": 1}]});
            let request = hyper::Request::post(format!("http://{}{PATH}", server.address))
                .header("content-type", "application/json")
                .body(body.to_string())
                .expect("a request");
            async move {
                let response = sender.send_request(request).await.expect("an answer");
                assert!(response.headers().contains_key("x-request-id"));
                assert!(response.headers().contains_key("content-length"));
                response.status().as_u16()
            }
        });
        futures_util::future::join_all(requests).await
    });
    assert_eq!(held, vec![201; 100]);
    assert_eq!(server.figures("a"), "900/100/0");
    let metrics = server.get("/metrics").text;
    let batches = metrics
        .lines()
        .find_map(|line| line.strip_prefix("inventory_batch_reservations_count "));
    let batches: u32 = batches.expect("a metric").parse().expect("a number");
    assert!(
        batches < 100,
        "what waits at the same time goes together: {batches} calls"
    );
}
