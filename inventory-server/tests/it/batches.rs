use std::time::{Duration, Instant};

use devstack::wait;

use crate::support::{
    Server, TIMEOUT, json,
    raw::{self, Connection},
};

/// `status` or the code of the problem, for each result.
fn shown(results: &serde_json::Value) -> Vec<String> {
    let results = results["results"].as_array().expect("results").iter();
    results
        .map(|r| match r["problem"]["code"].as_str() {
            Some(code) => format!("{} {code}", r["reservationId"].as_str().unwrap_or("null")),
            None => format!(
                "{} {}{}",
                r["reservationId"].as_str().expect("an id"),
                r["status"].as_str().expect("a status"),
                if r["replayed"] == true { " again" } else { "" }
            ),
        })
        .collect()
}

#[test]
fn reservations_of_a_batch_are_independent() {
    let server = Server::start();
    server.stock("a", 5);
    let line = |quantity: u32| json!([{"skuId": "a", "quantity": quantity}]);
    let body = json!({"reservations": [
        {"reservationId": "1", "items": line(2)},
        {"reservationId": "2", "items": line(4)},
        {"reservationId": "3", "items": [{"skuId": "x", "quantity": 1}]},
        {"reservationId": "4", "items": line(0)},
        {"reservationId": 5, "items": line(1)},
        "six",
        {"reservationId": "1", "items": line(2)},
        {"reservationId": "1", "items": line(1)},
        {"reservationId": "9", "items": line(3), "color": "red"},
        {"reservationId": "10", "items": line(3)},
    ]});
    let results = server.post("/api/reservations/batch", &body).expect(200);
    assert_eq!(
        shown(&results),
        [
            "1 RESERVED",
            "2 INSUFFICIENT_STOCK",
            "3 UNKNOWN_SKU",
            "4 INVALID_REQUEST",
            "null INVALID_REQUEST",
            "six INVALID_REQUEST",
            "1 RESERVED again",
            "1 IDEMPOTENCY_MISMATCH",
            "9 INVALID_REQUEST",
            "10 RESERVED",
        ]
    );
    assert_eq!(
        results["results"][3]["problem"]["errors"][0]["field"],
        "items[0].quantity"
    );
    assert_eq!(
        results["results"][5]["problem"]["errors"][0]["field"],
        "reservations[5]"
    );
    assert!(results["results"][0]["expiresAt"].is_string());
    assert_eq!(server.figures("a"), "0/5/0");
}

#[test]
fn a_thousand_go_at_once_and_each_is_its_own() {
    let server = Server::start();
    server.stock("a", 600);
    let reservations: Vec<_> = (0..1_000)
        .map(|n| json!({"reservationId": format!("r-{n}"), "items": [{"skuId": "a", "quantity": 1}]}))
        .collect();
    let results = server
        .post(
            "/api/reservations/batch",
            &json!({"reservations": reservations}),
        )
        .expect(200);
    let shown = shown(&results);
    assert!(shown[..600].iter().all(|r| r.ends_with("RESERVED")));
    assert!(
        shown[600..]
            .iter()
            .all(|r| r.ends_with("INSUFFICIENT_STOCK"))
    );
    let ids: Vec<String> = (0..1_000).map(|n| format!("r-{n}")).collect();
    let (sold, back) = ids.split_at(300);
    let confirmed = server
        .post(
            "/api/reservations/batch/confirm",
            &json!({"reservationIds": sold}),
        )
        .expect(200);
    assert_eq!(confirmed["results"].as_array().map(Vec::len), Some(300));
    assert!(
        self::shown(&confirmed)
            .iter()
            .all(|r| r.ends_with("CONFIRMED"))
    );
    let released = server
        .post(
            "/api/reservations/batch/release",
            &json!({"reservationIds": back}),
        )
        .expect(200);
    let released = self::shown(&released);
    assert!(released[..300].iter().all(|r| r.ends_with("RELEASED")));
    assert!(
        released[300..]
            .iter()
            .all(|r| r.ends_with("RESERVATION_NOT_FOUND"))
    );
    assert_eq!(server.figures("a"), "300/0/300");
}

#[test]
fn confirms_and_releases_of_a_batch_are_independent() {
    let server = Server::start();
    server.stock("a", 5);
    server.hold("1", "a", 1);
    server.hold("2", "a", 1);
    let path = "/api/reservations/batch/confirm";
    let results = server
        .post(path, &json!({"reservationIds": ["1", "x", 7, "a b", "1"]}))
        .expect(200);
    assert_eq!(
        shown(&results),
        [
            "1 CONFIRMED",
            "x RESERVATION_NOT_FOUND",
            "null INVALID_REQUEST",
            "a b INVALID_REQUEST",
            "1 CONFIRMED again"
        ]
    );
    assert_eq!(
        results["results"][2]["problem"]["errors"][0]["field"],
        "reservationIds[2]"
    );
    let path = "/api/reservations/batch/release";
    let results = server
        .post(path, &json!({"reservationIds": ["1", "2"]}))
        .expect(200);
    assert_eq!(shown(&results), ["1 RESERVATION_CONFIRMED", "2 RELEASED"]);
}

#[test]
fn only_a_broken_envelope_fails_a_batch() {
    let server = Server::start();
    let table = [
        ("/api/reservations/batch", "reservations"),
        ("/api/reservations/batch/confirm", "reservationIds"),
        ("/api/reservations/batch/release", "reservationIds"),
        ("/api/inventories/adjustments", "adjustments"),
    ];
    for (path, name) in table {
        assert_eq!(server.post(path, &json!({})).faulty_fields(), [name]);
        assert_eq!(
            server.post(path, &json!({name: []})).faulty_fields(),
            [name]
        );
        assert_eq!(
            server
                .post(path, &json!({name: vec![1; 1_001]}))
                .faulty_fields(),
            [name]
        );
        assert_eq!(
            server.post(path, &json!({name: {}})).faulty_fields(),
            [name]
        );
        assert_eq!(
            server
                .post(path, &json!({name: [1], "x": 1}))
                .faulty_fields(),
            ["x"]
        );
        assert_eq!(server.post_empty(path).faulty_fields(), [name]);
        let results = server.post(path, &json!({name: [1]})).expect(200);
        assert_eq!(results["results"][0]["status"], "REJECTED");
    }
}

#[test]
fn the_time_of_a_batch_begins_when_its_body_is_there() {
    let server = Server::with(&["--request-timeout-ms=3000"]);
    server.stock("a", 5);
    server.hold("1", "a", 1);
    server.hold("2", "a", 1);
    let table = [("1", "confirm", "CONFIRMED"), ("2", "release", "RELEASED")];
    let begun: Vec<_> = table
        .iter()
        .map(|(id, verb, _)| {
            let path = format!("/api/reservations/batch/{verb}");
            let body = json!({"reservationIds": [id]}).to_string();
            let (early, late) = body.split_at(5);
            let mut connection = Connection::open(&server);
            connection.send(raw::head("POST", &path, body.len()));
            connection.send(early);
            (connection, late.to_owned())
        })
        .collect();
    let since = Instant::now();
    wait::until(TIMEOUT, "longer than a request may take", || {
        since.elapsed() > Duration::from_millis(3_100)
    })
    .expect("time passes");
    for ((mut connection, late), (id, _, status)) in begun.into_iter().zip(table) {
        connection.send(late);
        let results = connection.answer().expect(200);
        assert_eq!(shown(&results), [format!("{id} {status}")]);
    }
}

#[test]
fn elements_without_an_id_get_one_each() {
    let server = Server::start();
    server.stock("a", 5);
    let one = json!({"items": [{"skuId": "a", "quantity": 1}]});
    let results = server
        .post(
            "/api/reservations/batch",
            &json!({"reservations": [one, one]}),
        )
        .expect(200);
    assert_ne!(
        results["results"][0]["reservationId"],
        results["results"][1]["reservationId"]
    );
    assert_eq!(server.figures("a"), "3/2/0");
}
