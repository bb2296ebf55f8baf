use crate::support::{Server, json};

#[test]
fn a_put_creates_and_then_counts() {
    let server = Server::start();
    server.get("/api/inventories/a").refused(404, "UNKNOWN_SKU");
    let created = server.put(
        "/api/inventories/a",
        &json!({"onHandQuantity": 10, "reason": "first"}),
    );
    assert_eq!(created.header("location"), Some("/api/inventories/a"));
    let created = created.expect(201);
    assert_eq!(
        created,
        json!({"skuId": "a", "locationId": "default", "availableQuantity": 10, "reservedQuantity": 0,
            "onHandQuantity": 10, "soldQuantity": 0, "version": 1})
    );
    assert_eq!(server.get("/api/inventories/a").expect(200), created);
    server.hold("r", "a", 4);
    let counted = server
        .put("/api/inventories/a", &json!({"onHandQuantity": 7}))
        .expect(200);
    assert_eq!(
        (&counted["availableQuantity"], &counted["reservedQuantity"]),
        (&json!(3), &json!(4))
    );
    let below = server
        .put("/api/inventories/a", &json!({"onHandQuantity": 3}))
        .refused(409, "BELOW_RESERVED");
    assert_eq!(below["reservedQuantity"], 4);
}

#[test]
fn a_count_compares_the_version_and_is_repeatable_by_its_key() {
    let server = Server::start();
    let put = |key: &str, body: serde_json::Value| {
        let headers: &[(&str, &str)] = if key.is_empty() {
            &[]
        } else {
            &[("idempotency-key", key)]
        };
        server.send(
            "PUT",
            "/api/inventories/a",
            headers,
            Some(body.to_string().as_bytes()),
        )
    };
    put("k-1", json!({"onHandQuantity": 10, "expectedVersion": 0})).expect(201);
    let conflict = put("", json!({"onHandQuantity": 10, "expectedVersion": 0}))
        .refused(409, "VERSION_CONFLICT");
    assert_eq!(conflict["currentVersion"], 1);
    let counted = put("k-2", json!({"onHandQuantity": 20, "expectedVersion": 1})).expect(200);
    let again = put("k-2", json!({"onHandQuantity": 20, "expectedVersion": 1}));
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), counted);
    put("k-2", json!({"onHandQuantity": 21, "expectedVersion": 1}))
        .refused(422, "IDEMPOTENCY_MISMATCH");
    assert_eq!(
        put("a b", json!({"onHandQuantity": 1})).faulty_fields(),
        ["Idempotency-Key"]
    );
    let missing = server.put(
        "/api/inventories/new",
        &json!({"onHandQuantity": 1, "expectedVersion": 7}),
    );
    assert_eq!(
        missing.refused(409, "VERSION_CONFLICT")["currentVersion"],
        0
    );
}

#[test]
fn figures_have_their_bounds() {
    let server = Server::start();
    let largest = 9_007_199_254_740_991_u64;
    server
        .put("/api/inventories/a", &json!({"onHandQuantity": largest}))
        .expect(201);
    assert_eq!(server.figures("a"), format!("{largest}/0/0"));
    let path = "/api/inventories/a/adjustments";
    assert_eq!(
        server.post(path, &json!({"delta": 1})).faulty_fields(),
        ["delta"]
    );
    server.hold("r", "a", 1);
    server.post_empty("/api/reservations/r/confirm").expect(200);
    let count = json!({"onHandQuantity": largest});
    assert_eq!(
        server.put("/api/inventories/a", &count).faulty_fields(),
        ["onHandQuantity"]
    );
    let more = json!({"onHandQuantity": largest + 1});
    assert_eq!(
        server.put("/api/inventories/b", &more).faulty_fields(),
        ["onHandQuantity"]
    );
}

#[test]
fn the_query_names_the_location_of_a_write_as_of_a_read() {
    let server = Server::start();
    let path = "/api/inventories/a?locationId=seoul";
    let created = server.put(path, &json!({"onHandQuantity": 5}));
    assert_eq!(created.header("location"), Some(path));
    let created = created.expect(201);
    assert_eq!(created["locationId"], "seoul");
    assert_eq!(server.get(path).expect(200), created);
    let adjust = "/api/inventories/a/adjustments?locationId=seoul";
    let adjusted = server.post(adjust, &json!({"delta": 1})).expect(200);
    assert_eq!(adjusted["availableQuantity"], 6);
    // The body may say the same, and nothing else.
    let same = json!({"onHandQuantity": 7, "locationId": "seoul"});
    assert_eq!(server.put(path, &same).expect(200)["availableQuantity"], 7);
    for (method, path, body) in [
        (
            "PUT",
            path,
            json!({"onHandQuantity": 1, "locationId": "default"}),
        ),
        ("POST", adjust, json!({"delta": 1, "locationId": "default"})),
        (
            "PUT",
            "/api/inventories/a?locationId=a%3Ab",
            json!({"onHandQuantity": 1}),
        ),
    ] {
        let answer = server.send(method, path, &[], Some(body.to_string().as_bytes()));
        assert_eq!(answer.faulty_fields(), ["locationId"], "{method} {path}");
    }
    assert_eq!(server.get(path).expect(200)["availableQuantity"], 7);
    server.get("/api/inventories/a").refused(404, "UNKNOWN_SKU");
}

#[test]
fn an_empty_stock_can_be_retired() {
    let server = Server::start();
    server
        .delete("/api/inventories/a")
        .refused(404, "UNKNOWN_SKU");
    server.stock("a", 5);
    server.hold("r", "a", 2);
    let used = server
        .delete("/api/inventories/a")
        .refused(409, "SKU_IN_USE");
    assert_eq!(
        (&used["availableQuantity"], &used["reservedQuantity"]),
        (&json!(3), &json!(2))
    );
    server.post_empty("/api/reservations/r/confirm").expect(200);
    server.stock("a", 0);
    server.delete("/api/inventories/a").expect(204);
    server.get("/api/inventories/a").refused(404, "UNKNOWN_SKU");
    server
        .put(
            "/api/inventories/a",
            &json!({"onHandQuantity": 1, "locationId": "seoul"}),
        )
        .expect(201);
    server
        .delete("/api/inventories/a")
        .refused(404, "UNKNOWN_SKU");
    server
        .delete("/api/inventories/a?locationId=seoul")
        .refused(409, "SKU_IN_USE");
}

#[test]
fn a_listing_goes_on_where_its_cursor_says() {
    let server = Server::start();
    assert_eq!(
        server.get("/api/inventories").expect(200),
        json!({"inventories": []})
    );
    for n in 0..7 {
        server.stock(&format!("sku:{n}"), n);
    }
    let mut seen = Vec::new();
    let mut path = "/api/inventories?limit=3".to_owned();
    for page in 0..3 {
        let body = server.get(&path).expect(200);
        let stocks = body["inventories"].as_array().expect("stocks");
        assert_eq!(stocks.len(), [3, 3, 1][page]);
        seen.extend(
            stocks
                .iter()
                .map(|s| s["skuId"].as_str().expect("a SKU").to_owned()),
        );
        match body["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/inventories?limit=3&cursor={cursor}"),
            None => assert_eq!(page, 2),
        }
    }
    assert_eq!(seen, (0..7).map(|n| format!("sku:{n}")).collect::<Vec<_>>());
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=%00", "cursor"),
        ("limit=1&page=2", "page"),
    ] {
        assert_eq!(
            server
                .get(&format!("/api/inventories?{query}"))
                .faulty_fields(),
            [field]
        );
    }
}

#[test]
fn many_stocks_are_read_at_once() {
    let server = Server::start();
    server.stock("a", 1);
    server.stock("b", 2);
    let bulk =
        |skus: serde_json::Value| server.post("/api/inventories/bulk", &json!({"skuIds": skus}));
    let read = bulk(json!(["b", "x", "a", "y"])).expect(200);
    let skus: Vec<_> = read["inventories"]
        .as_array()
        .expect("stocks")
        .iter()
        .map(|s| &s["skuId"])
        .collect();
    assert_eq!(skus, ["b", "a"]);
    assert_eq!(read["unknown"], json!(["x", "y"]));
    let thousand: Vec<String> = (0..1_000).map(|n| format!("s-{n}")).collect();
    assert_eq!(
        bulk(json!(thousand)).expect(200)["unknown"]
            .as_array()
            .map(Vec::len),
        Some(1_000)
    );
    let more: Vec<String> = (0..1_001).map(|n| format!("s-{n}")).collect();
    assert_eq!(bulk(json!(more)).faulty_fields(), ["skuIds"]);
    assert_eq!(bulk(json!([])).faulty_fields(), ["skuIds"]);
    assert_eq!(
        bulk(json!(["a", 7, ""])).faulty_fields(),
        ["skuIds[1]", "skuIds[2]"]
    );
}

#[test]
fn ids_in_paths_and_queries_are_checked_and_decoded() {
    let server = Server::start();
    server.stock("a:b", 1);
    assert_eq!(
        server.get("/api/inventories/a%3Ab").expect(200)["skuId"],
        "a:b"
    );
    assert_eq!(
        server.get("/api/v1/inventories/a:b").expect(200)["skuId"],
        "a:b"
    );
    for path in [
        "/api/inventories/a%20b",
        "/api/inventories/a%2Fb",
        "/api/inventories/%zz",
        "/api/inventories/%ff",
    ] {
        assert_eq!(server.get(path).faulty_fields(), ["skuId"], "{path}");
    }
    let long = "x".repeat(65);
    assert_eq!(
        server
            .get(&format!("/api/inventories/{long}"))
            .faulty_fields(),
        ["skuId"]
    );
    assert_eq!(
        server
            .get(&format!("/api/reservations/{long}"))
            .faulty_fields(),
        ["reservationId"]
    );
    assert_eq!(
        server
            .get("/api/inventories/a?locationId=a%3Ab")
            .faulty_fields(),
        ["locationId"]
    );
    assert_eq!(
        server
            .get("/api/inventories/a?locationId=a&locationId=b")
            .faulty_fields(),
        ["locationId"]
    );
}
