use devstack::redis::Reply;

use crate::support::{Server, json};

const PATH: &str = "/api/reservations";

#[test]
fn a_new_hold_answers_201_with_its_place_and_times() {
    let server = Server::start();
    server.stock("sku-1", 10);
    let body = json!({"reservationId": "r-1", "orderId": "o-1", "customerId": "c-1", "ttlSeconds": 60,
        "items": [{"skuId": "sku-1", "locationId": "default", "quantity": 2}], "metadata": {"a": [1.50, "x  y"]}});
    let answer = server.post(PATH, &body);
    assert_eq!(answer.header("location"), Some("/api/reservations/r-1"));
    assert!(!answer.is_replayed());
    assert!(
        answer.text.contains(r#""metadata":{"a":[1.5,"x  y"]}"#),
        "{}",
        answer.text
    );
    let held = answer.expect(201);
    for name in [
        "reservationId",
        "orderId",
        "customerId",
        "items",
        "metadata",
    ] {
        assert_eq!(held[name], body[name], "{name}");
    }
    assert_eq!(held["status"], "RESERVED");
    assert!(held["createdAt"].as_str() < held["expiresAt"].as_str());
    assert_eq!(server.figures("sku-1"), "8/2/0");
    assert_eq!(server.get("/api/reservations/r-1").expect(200), held);
}

#[test]
fn a_repeat_answers_the_same_with_the_current_status() {
    let server = Server::start();
    server.stock("a", 10);
    server.stock("b", 10);
    let body =
        |items| json!({"reservationId": "r", "customerId": "c", "items": items, "ttlSeconds": 100});
    let held = server.post(
        PATH,
        &body(json!([{"skuId": "a", "quantity": 3}, {"skuId": "b", "quantity": 1}])),
    );
    let held = held.expect(201);
    let shuffled = json!({"reservationId": "r", "customerId": "c", "ttlSeconds": 7, "metadata": {"other": 1},
        "items": [{"skuId": "b", "quantity": 1}, {"skuId": "a", "quantity": 1}, {"skuId": "a", "quantity": 2}]});
    let again = server.post(PATH, &shuffled);
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), held);
    server.post_empty("/api/reservations/r/confirm").expect(200);
    let again = server.post(PATH, &shuffled);
    assert!(again.is_replayed() && again.header("location").is_none());
    assert_eq!(again.expect(200)["status"], "CONFIRMED");
    assert_eq!(
        (server.figures("a"), server.figures("b")),
        ("7/0/3".to_owned(), "9/0/1".to_owned())
    );
}

#[test]
fn the_same_id_with_other_content_is_refused() {
    let server = Server::start();
    server.stock("a", 10);
    let line = json!([{"skuId": "a", "quantity": 1}]);
    let body = json!({"reservationId": "r", "customerId": "c", "orderId": "o", "items": line});
    server.post(PATH, &body).expect(201);
    for (name, value) in [
        ("items", json!([{"skuId": "a", "quantity": 2}])),
        ("customerId", json!("d")),
        ("orderId", json!("p")),
        ("orderId", json!(null)),
    ] {
        let mut other = body.clone();
        other[name] = value;
        server
            .post(PATH, &other)
            .refused(422, "IDEMPOTENCY_MISMATCH");
    }
    assert_eq!(server.figures("a"), "9/1/0");
}

#[test]
fn an_open_hold_takes_the_first_order_offered_with_it() {
    let server = Server::start();
    server.stock("a", 10);
    server.hold("r", "a", 1);
    let bind = |order: &str| {
        let items = json!([{"skuId": "a", "quantity": 1}]);
        server.post(
            PATH,
            &json!({"reservationId": "r", "items": items, "orderId": order, "customerId": "c"}),
        )
    };
    let bound = bind("o-1").expect(200);
    assert_eq!(
        (&bound["orderId"], &bound["customerId"]),
        (&json!("o-1"), &json!("c"))
    );
    bind("o-2").refused(422, "IDEMPOTENCY_MISMATCH");
    assert_eq!(server.get("/api/reservations/r").expect(200), bound);
}

#[test]
fn the_id_comes_from_the_body_else_from_the_header_else_from_the_server() {
    let server = Server::start();
    server.stock("a", 10);
    let id_of = |headers: &[(&str, &str)], body: serde_json::Value| {
        let answer = server.send("POST", PATH, headers, Some(body.to_string().as_bytes()));
        answer.expect(201)["reservationId"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let items = json!([{"skuId": "a", "quantity": 1}]);
    let key = [("idempotency-key", "from-header")];
    assert_eq!(
        id_of(&key, json!({"reservationId": "from-body", "items": items})),
        "from-body"
    );
    assert_eq!(id_of(&key, json!({"items": items})), "from-header");
    let generated = id_of(&[], json!({"items": items}));
    assert_eq!(
        (generated.len(), &generated[14..15]),
        (36, "7"),
        "a UUIDv7: {generated}"
    );
    assert_ne!(generated, id_of(&[], json!({"items": items})));
    let body = json!({"items": items}).to_string();
    let again = server.send("POST", PATH, &key, Some(body.as_bytes()));
    assert!(again.status == 200 && again.is_replayed());
    let broken = server.send(
        "POST",
        PATH,
        &[("idempotency-key", "a b")],
        Some(body.as_bytes()),
    );
    assert_eq!(broken.faulty_fields(), ["Idempotency-Key"]);
}

#[test]
fn all_short_lines_and_all_unknown_ones_are_named_in_order() {
    let server = Server::start();
    for sku in ["a", "b", "c"] {
        server.stock(sku, 2);
    }
    let lines = json!([{"skuId": "c", "quantity": 3}, {"skuId": "b", "quantity": 1}, {"skuId": "a", "quantity": 9}]);
    let short = server
        .post(PATH, &json!({"items": lines}))
        .refused(409, "INSUFFICIENT_STOCK");
    assert_eq!(
        short["shortages"],
        json!([{"skuId": "c", "locationId": "default", "requested": 3, "available": 2},
            {"skuId": "a", "locationId": "default", "requested": 9, "available": 2}])
    );
    let lines = json!([{"skuId": "y", "quantity": 1}, {"skuId": "a", "quantity": 99},
        {"skuId": "a", "locationId": "seoul", "quantity": 1}]);
    let unknown = server
        .post(PATH, &json!({"items": lines}))
        .refused(404, "UNKNOWN_SKU");
    assert_eq!(
        unknown["skus"],
        json!([{"skuId": "y", "locationId": "default"}, {"skuId": "a", "locationId": "seoul"}])
    );
    for sku in ["a", "b", "c"] {
        assert_eq!(server.figures(sku), "2/0/0");
    }
}

#[test]
fn a_refusal_is_not_remembered() {
    let server = Server::start();
    server.stock("a", 1);
    let body = json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 2}]});
    server.post(PATH, &body).refused(409, "INSUFFICIENT_STOCK");
    server
        .get("/api/reservations/r")
        .refused(404, "RESERVATION_NOT_FOUND");
    server.stock("a", 2);
    server.post(PATH, &body).expect(201);
}

#[test]
fn a_hold_lasts_as_asked_within_the_longest_life() {
    let server = Server::with(&["--default-ttl-seconds=600", "--max-hold-seconds=700"]);
    server.stock("a", 10);
    let life_ms = |ttl: Option<u32>| {
        let held = server
            .post(
                PATH,
                &json!({"ttlSeconds": ttl, "items": [{"skuId": "a", "quantity": 1}]}),
            )
            .expect(201);
        let ms = |name: &str| {
            let text = held[name].as_str().expect("a time");
            let part = |range: std::ops::Range<usize>| text[range].parse::<u64>().expect("digits");
            // Good enough within a day; a hold that spans midnight is brought back by the modulus.
            ((part(11..13) * 60 + part(14..16)) * 60 + part(17..19)) * 1_000 + part(20..23)
        };
        (ms("expiresAt") + 86_400_000 - ms("createdAt")) % 86_400_000
    };
    assert_eq!(life_ms(None), 600_000);
    assert_eq!(life_ms(Some(60)), 60_000);
    assert_eq!(life_ms(Some(86_400)), 700_000);
}

#[test]
fn quantities_are_summed_and_bounded() {
    let server = Server::start();
    server.stock("a", 3_000_000);
    let items = |n: usize, quantity: u32| json!({"items": vec![json!({"skuId": "a", "quantity": quantity}); n]});
    let held = server.post(PATH, &items(100, 10_000)).expect(201);
    assert_eq!(
        held["items"],
        json!([{"skuId": "a", "locationId": "default", "quantity": 1_000_000}])
    );
    assert_eq!(
        server.post(PATH, &items(2, 500_001)).faulty_fields(),
        ["items[1].quantity"]
    );
    assert_eq!(server.post(PATH, &items(101, 1)).faulty_fields(), ["items"]);
    assert_eq!(server.post(PATH, &items(0, 1)).faulty_fields(), ["items"]);
    assert_eq!(server.figures("a"), "2000000/1000000/0");
}

#[test]
fn locations_have_stock_of_their_own() {
    let server = Server::start();
    server.stock("a", 1);
    server
        .put(
            "/api/inventories/a",
            &json!({"onHandQuantity": 5, "locationId": "seoul"}),
        )
        .expect(201);
    let items = json!([{"skuId": "a", "locationId": "seoul", "quantity": 4}]);
    let held = server.post(PATH, &json!({"items": items})).expect(201);
    assert_eq!(held["items"], items);
    assert_eq!(server.figures("a"), "1/0/0");
    let seoul = server
        .get("/api/inventories/a?locationId=seoul")
        .expect(200);
    assert_eq!(
        (&seoul["availableQuantity"], &seoul["locationId"]),
        (&json!(1), &json!("seoul"))
    );
}

#[test]
fn the_journal_says_in_which_request_it_was() {
    let server = Server::start();
    server.stock("a", 1);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("x-request-id", "my-request"), ("traceparent", trace)];
    let body = json!({"items": [{"skuId": "a", "quantity": 1}]}).to_string();
    let answer = server.send("POST", PATH, &headers, Some(body.as_bytes()));
    assert_eq!(answer.header("x-request-id"), Some("my-request"));
    answer.expect(201);
    let last = ["XREVRANGE", "inv:{s0}:journal", "+", "-", "COUNT", "1"];
    let last = server.redis.command(&last).expect("an entry");
    let texts = texts(&last);
    assert!(
        texts.contains("my-request") && texts.contains(trace),
        "{texts}"
    );
}

/// All texts in a reply.
fn texts(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Reply::Status(text) | Reply::Error(text) => text.clone(),
        Reply::Array(replies) => replies.iter().map(texts).collect::<Vec<_>>().join(" "),
        Reply::Nil | Reply::Integer(_) => String::new(),
    }
}
