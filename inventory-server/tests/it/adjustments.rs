use crate::support::{Server, json};

const PATH: &str = "/api/inventories/a/adjustments";

#[test]
fn an_adjustment_changes_what_is_available_once() {
    let server = Server::start();
    server
        .post(PATH, &json!({"delta": 1}))
        .refused(404, "UNKNOWN_SKU");
    server.stock("a", 10);
    let body = json!({"adjustmentId": "a-1", "delta": -4, "reason": "broken"});
    let stock = server.post(PATH, &body).expect(200);
    assert_eq!(stock["availableQuantity"], 6);
    let again = server.post(PATH, &body);
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), stock);
    server
        .post(PATH, &json!({"adjustmentId": "a-1", "delta": -5}))
        .refused(422, "IDEMPOTENCY_MISMATCH");
    let short = server
        .post(PATH, &json!({"delta": -7}))
        .refused(409, "INSUFFICIENT_STOCK");
    assert_eq!(short["shortages"][0]["requested"], 7);
    assert_eq!(server.figures("a"), "6/0/0");
}

#[test]
fn its_id_may_come_from_the_header() {
    let server = Server::start();
    server.stock("a", 10);
    let send = |key: &str| {
        let body = json!({"delta": 5}).to_string();
        server.send(
            "POST",
            PATH,
            &[("idempotency-key", key)],
            Some(body.as_bytes()),
        )
    };
    assert!(!send("k").is_replayed());
    assert!(send("k").is_replayed());
    assert_eq!(send("").faulty_fields(), ["Idempotency-Key"]);
    server.post(PATH, &json!({"delta": 5})).expect(200);
    assert_eq!(server.figures("a"), "20/0/0");
}

#[test]
fn nothing_is_no_adjustment() {
    let server = Server::start();
    server.stock("a", 10);
    for (body, fields) in [
        (json!({}), vec!["delta"]),
        (json!({"delta": 0}), vec!["delta"]),
        (json!({"delta": 1.5}), vec!["delta"]),
        (
            json!({"delta": "1", "reason": 7, "skuId": "a"}),
            vec!["delta", "reason", "skuId"],
        ),
        (
            json!({"delta": 1, "locationId": "a:b", "adjustmentId": "."}),
            vec!["adjustmentId", "locationId"],
        ),
    ] {
        assert_eq!(server.post(PATH, &body).faulty_fields(), fields);
    }
    assert_eq!(server.figures("a"), "10/0/0");
}

#[test]
fn adjustments_in_bulk_are_independent_and_in_order_per_stock() {
    let server = Server::start();
    server.stock("a", 0);
    server.stock("b", 1);
    let body = json!({"adjustments": [
        {"skuId": "a", "adjustmentId": "1", "delta": 10},
        {"skuId": "a", "adjustmentId": "2", "delta": -7},
        {"skuId": "x", "adjustmentId": "3", "delta": 1},
        {"skuId": "b", "adjustmentId": "4", "delta": "1"},
        {"skuId": "a", "adjustmentId": "5", "delta": -3},
        7,
        {"skuId": "b", "delta": -2, "reason": "gone"},
        {"skuId": "a", "adjustmentId": "1", "delta": 10},
    ]});
    let results = server
        .post("/api/inventories/adjustments", &body)
        .expect(200);
    let shown: Vec<String> = results["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|r| match r["status"].as_str() {
            Some("APPLIED") => format!("{} {}", r["inventory"]["availableQuantity"], r["replayed"]),
            _ => format!("{} {}", r["adjustmentId"], r["problem"]["code"]),
        })
        .collect();
    assert_eq!(
        shown[..6],
        [
            "10 false",
            "3 false",
            "\"3\" \"UNKNOWN_SKU\"",
            "\"4\" \"INVALID_REQUEST\"",
            "0 false",
            "null \"INVALID_REQUEST\""
        ]
    );
    assert!(shown[6].ends_with("\"INSUFFICIENT_STOCK\""), "{shown:?}");
    assert_eq!(shown[7], "0 true");
    assert_eq!(
        (server.figures("a"), server.figures("b")),
        ("0/0/0".to_owned(), "1/0/0".to_owned())
    );
}
