//! Every operation on a reservation in every state: the whole table.

use crate::support::{Server, json};

#[test]
fn the_whole_table() {
    let server = Server::start();
    server.stock("a", 1_000);
    // Makes a reservation with this state and answers its id.
    let made = |state: &str, operation: &str| {
        let id = format!("{state}-{operation}");
        let act = |verb: &str, body: &serde_json::Value| {
            server.act(&id, verb, body).expect(200);
        };
        match state {
            "unknown" => {}
            "EXPIRED" => {
                let items = json!([{"skuId": "a", "quantity": 2}]);
                let body = json!({"reservationId": id, "ttlSeconds": 1, "items": items});
                server.post("/api/reservations", &body).expect(201);
            }
            _ => drop(server.hold(&id, "a", 2)),
        }
        let one = json!({"returnId": "before", "items": [{"skuId": "a", "quantity": 1}]});
        match state {
            "CONFIRMED" => act("confirm", &json!({})),
            "RELEASED" => act("release", &json!({})),
            "PARTIALLY_RETURNED" => {
                act("confirm", &json!({}));
                act("return", &one);
            }
            "RETURNED" => {
                act("confirm", &json!({}));
                act("return", &json!({"returnId": "before"}));
            }
            _ => {}
        }
        id
    };
    let operations = ["reserve", "get", "confirm", "release", "extend", "return"];
    // Replays are marked with `again`.
    let table = [
        (
            "unknown",
            [
                "201",
                "RESERVATION_NOT_FOUND",
                "RESERVATION_NOT_FOUND",
                "RESERVATION_NOT_FOUND",
                "RESERVATION_NOT_FOUND",
                "RESERVATION_NOT_FOUND",
            ],
        ),
        (
            "RESERVED",
            [
                "200 again RESERVED",
                "200 RESERVED",
                "200 CONFIRMED",
                "200 RELEASED",
                "200 RESERVED",
                "RESERVATION_NOT_CONFIRMED",
            ],
        ),
        (
            "CONFIRMED",
            [
                "200 again CONFIRMED",
                "200 CONFIRMED",
                "200 again CONFIRMED",
                "RESERVATION_CONFIRMED",
                "RESERVATION_CONFIRMED",
                "200 RETURNED",
            ],
        ),
        (
            "RELEASED",
            [
                "200 again RELEASED",
                "200 RELEASED",
                "RESERVATION_RELEASED",
                "200 again RELEASED",
                "RESERVATION_RELEASED",
                "RESERVATION_NOT_CONFIRMED",
            ],
        ),
        (
            "EXPIRED",
            [
                "200 again EXPIRED",
                "200 EXPIRED",
                "RESERVATION_EXPIRED",
                "200 EXPIRED",
                "RESERVATION_EXPIRED",
                "RESERVATION_NOT_CONFIRMED",
            ],
        ),
        (
            "PARTIALLY_RETURNED",
            [
                "200 again PARTIALLY_RETURNED",
                "200 PARTIALLY_RETURNED",
                "200 again PARTIALLY_RETURNED",
                "RESERVATION_CONFIRMED",
                "RESERVATION_CONFIRMED",
                "200 RETURNED",
            ],
        ),
        (
            "RETURNED",
            [
                "200 again RETURNED",
                "200 RETURNED",
                "200 again RETURNED",
                "RESERVATION_CONFIRMED",
                "RESERVATION_CONFIRMED",
                "RETURN_EXCEEDS_CONFIRMED",
            ],
        ),
    ];
    let ids: Vec<Vec<String>> = table
        .iter()
        .map(|(state, _)| {
            operations
                .iter()
                .map(|operation| made(state, operation))
                .collect()
        })
        .collect();
    for (state, ids) in table.iter().zip(&ids).map(|((state, _), ids)| (state, ids)) {
        for id in ids.iter().filter(|_| *state == "EXPIRED") {
            server.wait_for_status(id, "EXPIRED");
        }
    }
    for ((state, expected), ids) in table.iter().zip(&ids) {
        for ((operation, expected), id) in operations.iter().zip(expected).zip(ids) {
            let answer = match *operation {
                "reserve" => {
                    let items = json!([{"skuId": "a", "quantity": 2}]);
                    server.post(
                        "/api/reservations",
                        &json!({"reservationId": id, "items": items}),
                    )
                }
                "get" => server.get(&format!("/api/reservations/{id}")),
                "extend" => server.act(id, "extend", &json!({"ttlSeconds": 800})),
                "return" => server.act(id, "return", &json!({"returnId": "now"})),
                verb => server.post_empty(&format!("/api/reservations/{id}/{verb}")),
            };
            let status = answer.body["status"].as_str().unwrap_or_default();
            let got = match answer.status {
                201 => "201".to_owned(),
                200 if answer.is_replayed() => format!("200 again {status}"),
                200 => format!("200 {status}"),
                _ => answer.body["code"].as_str().expect("a code").to_owned(),
            };
            // Whether the sweeper or this call expired the hold decides if the release is a repeat.
            let got = match (*state, *operation) {
                ("EXPIRED", "release") => got.replace(" again", ""),
                _ => got,
            };
            assert_eq!(
                got, *expected,
                "{operation} of a reservation that is {state}"
            );
        }
    }
}
