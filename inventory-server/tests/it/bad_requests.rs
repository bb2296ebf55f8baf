//! What no client should send: each is refused precisely, nothing is changed, the server lives.

use crate::support::{
    Server, json,
    raw::{self, Connection},
};

const PATH: &str = "/api/reservations";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[test]
fn nothing_that_is_no_reservation_changes_anything() {
    let server = Server::start();
    server.stock("a", 5);
    let line = r#"{"skuId":"a","quantity":1}"#;
    let deep = format!("{{\"items\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let deep_metadata = format!(
        "{{\"items\":[{line}],\"metadata\":{{\"a\":{}{}}}}}",
        "[".repeat(400),
        "]".repeat(400)
    );
    let table: Vec<(Vec<u8>, &[&str])> = vec![
        (b"".to_vec(), &["items"]),
        (b"{".to_vec(), &["body"]),
        (b" ".to_vec(), &["body"]),
        (b"[]".to_vec(), &["body"]),
        (b"null".to_vec(), &["body"]),
        (b"\xef\xbb\xbf{}".to_vec(), &["body"]),
        (
            b"{\"items\":[{\"skuId\":\"\xff\",\"quantity\":1}]}".to_vec(),
            &["body"],
        ),
        (format!("{{\"items\":[{line}]}} x").into_bytes(), &["body"]),
        (format!("{{\"items\":[{line}],}}").into_bytes(), &["body"]),
        (b"{}".to_vec(), &["items"]),
        (
            br#"{"items":[{"skuId":"a","quantity":2.0}]}"#.to_vec(),
            &["items[0].quantity"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":"2"}]}"#.to_vec(),
            &["items[0].quantity"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":true}]}"#.to_vec(),
            &["items[0].quantity"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":null}]}"#.to_vec(),
            &["items[0].quantity"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":1e999}]}"#.to_vec(),
            &["items[0].quantity"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":99999999999999999999}]}"#.to_vec(),
            &["items[0].quantity"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":0},{"skuId":"a","quantity":-1}]}"#.to_vec(),
            &["items[0].quantity", "items[1].quantity"],
        ),
        (
            br#"{"items":[{"skuId":["a"],"quantity":1}]}"#.to_vec(),
            &["items[0].skuId"],
        ),
        (
            br#"{"items":[{"skuId":"a","quantity":1,"sku":"b"}]}"#.to_vec(),
            &["items[0].sku"],
        ),
        (
            format!("{{\"items\":[{line}],\"itmes\":1}}").into_bytes(),
            &["itmes"],
        ),
        (
            format!("{{\"items\":[{line}],\"items\":[{line}]}}").into_bytes(),
            &["items"],
        ),
        (
            format!("{{\"items\":[{line}],\"reservationId\":\"..\"}}").into_bytes(),
            &["reservationId"],
        ),
        (
            format!("{{\"items\":[{line}],\"reservationId\":\"batch\"}}").into_bytes(),
            &["reservationId"],
        ),
        (
            format!("{{\"items\":[{line}],\"reservationId\":\"a\\u0000\"}}").into_bytes(),
            &["reservationId"],
        ),
        (
            format!("{{\"items\":[{line}],\"orderId\":\"{}\"}}", "o".repeat(59)).into_bytes(),
            &["orderId"],
        ),
        (
            format!("{{\"items\":[{line}],\"ttlSeconds\":0}}").into_bytes(),
            &["ttlSeconds"],
        ),
        (
            format!("{{\"items\":[{line}],\"ttlSeconds\":86401}}").into_bytes(),
            &["ttlSeconds"],
        ),
        (
            format!("{{\"items\":[{line}],\"metadata\":\"x\"}}").into_bytes(),
            &["metadata"],
        ),
        (
            format!(
                "{{\"items\":[{line}],\"metadata\":{{\"a\":\"{}\"}}}}",
                "x".repeat(1_100)
            )
            .into_bytes(),
            &["metadata"],
        ),
        (deep.into_bytes(), &["items[0]"]),
        (deep_metadata.into_bytes(), &["metadata"]),
    ];
    for (body, fields) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        let answer = server.send("POST", PATH, &JSON, Some(&body));
        assert_eq!(answer.faulty_fields(), fields, "{shown}");
    }
    assert_eq!(server.figures("a"), "5/0/0");
    server.hold("r", "a", 1);
}

#[test]
fn an_idempotency_key_is_one_id() {
    let server = Server::start();
    server.stock("a", 5);
    let body = json!({"items": [{"skuId": "a", "quantity": 1}]}).to_string();
    let keys: [&[&str]; 3] = [&["k", "k"], &["k", "l"], &["batch"]];
    for keys in keys {
        let headers: Vec<_> = keys.iter().map(|key| ("idempotency-key", *key)).collect();
        let answer = server.send("POST", PATH, &headers, Some(body.as_bytes()));
        assert_eq!(answer.faulty_fields(), ["Idempotency-Key"], "{keys:?}");
    }
    assert_eq!(server.figures("a"), "5/0/0");
}

#[test]
fn every_required_field_of_an_empty_body_is_named() {
    let server = Server::start();
    for (method, path, field) in [
        ("POST", "/api/reservations/r/extend", "ttlSeconds"),
        ("POST", "/api/reservations/r/return", "returnId"),
        ("POST", "/api/inventories/a/adjustments", "delta"),
        ("PUT", "/api/inventories/a", "onHandQuantity"),
    ] {
        let answer = server.send(method, path, &[], Some(b""));
        assert_eq!(answer.faulty_fields(), [field], "{path}");
    }
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let server = Server::start();
    let body = json!({"reservationId": "a/b", "customerId": 7, "ttlSeconds": "1", "extra": null,
        "items": [{"skuId": "", "quantity": 0}, 5], "metadata": []});
    assert_eq!(
        server.post(PATH, &body).faulty_fields(),
        [
            "reservationId",
            "customerId",
            "ttlSeconds",
            "items[0].skuId",
            "items[0].quantity",
            "items[1]",
            "metadata",
            "extra"
        ]
    );
}

#[test]
fn every_write_endpoint_refuses_what_it_does_not_know() {
    let server = Server::start();
    server.stock("a", 5);
    server.hold("r", "a", 1);
    let table = [
        ("POST", "/api/reservations/r/confirm", json!({"x": 1})),
        ("POST", "/api/reservations/r/release", json!({"x": 1})),
        (
            "POST",
            "/api/reservations/r/extend",
            json!({"ttlSeconds": 5, "x": 1}),
        ),
        (
            "POST",
            "/api/reservations/r/return",
            json!({"returnId": "1", "x": 1}),
        ),
        (
            "PUT",
            "/api/inventories/a",
            json!({"onHandQuantity": 1, "x": 1}),
        ),
        (
            "POST",
            "/api/inventories/a/adjustments",
            json!({"delta": 1, "x": 1}),
        ),
        (
            "POST",
            "/api/inventories/bulk",
            json!({"skuIds": ["a"], "x": 1}),
        ),
    ];
    for (method, path, body) in table {
        let answer = server.send(method, path, &JSON, Some(body.to_string().as_bytes()));
        assert_eq!(answer.faulty_fields(), ["x"], "{path}");
    }
    let held = server.get("/api/reservations/r").expect(200);
    assert_eq!(
        (&held["status"], server.figures("a")),
        (&json!("RESERVED"), "4/1/0".to_owned())
    );
}

#[test]
fn a_body_that_ends_early_changes_nothing() {
    let server = Server::start();
    server.stock("a", 5);
    let body = json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 1}]}).to_string();
    let whole = raw::request("POST", PATH, &body);
    for len in [
        whole.len() - 1,
        whole.len() - body.len(),
        whole.len() - body.len() + 1,
    ] {
        let mut connection = Connection::open(&server);
        connection.send(&whole[..len]);
        connection.end_sending();
        let rest = String::from_utf8(connection.rest()).expect("UTF-8");
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 400"),
            "{rest}"
        );
    }
    server
        .get("/api/reservations/r")
        .refused(404, "RESERVATION_NOT_FOUND");
    assert_eq!(server.figures("a"), "5/0/0");
}

#[test]
fn a_client_that_leaves_while_it_waits_harms_nobody() {
    let server = Server::start();
    server.stock("a", 50);
    for n in 0..20 {
        let body =
            json!({"reservationId": format!("r-{n}"), "items": [{"skuId": "a", "quantity": 1}]});
        let mut connection = Connection::open(&server);
        connection.send(raw::request("POST", PATH, &body.to_string()));
    }
    // Each of them was held or not; a repeat settles it either way.
    for n in 0..20 {
        let body =
            json!({"reservationId": format!("r-{n}"), "items": [{"skuId": "a", "quantity": 1}]});
        assert!([200, 201].contains(&server.post(PATH, &body).status));
    }
    assert_eq!(server.figures("a"), "30/20/0");
}
