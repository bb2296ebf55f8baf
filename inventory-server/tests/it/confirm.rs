use crate::support::{Server, json};

fn with_hold(quantity: u32) -> Server {
    let server = Server::start();
    server.stock("a", 10);
    server.hold("r", "a", quantity);
    server
}

#[test]
fn without_items_all_is_sold() {
    let server = with_hold(3);
    let sold = server.post_empty("/api/reservations/r/confirm").expect(200);
    assert_eq!(sold["status"], "CONFIRMED");
    assert_eq!(sold["confirmedItems"], sold["items"]);
    assert!(sold["confirmedAt"].is_string() && sold.get("reacquired").is_none());
    assert_eq!(server.figures("a"), "7/0/3");
    let again = server.act("r", "confirm", &json!({}));
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), sold);
}

#[test]
fn a_part_is_sold_and_the_rest_goes_back() {
    let server = with_hold(3);
    let part = json!({"items": [{"skuId": "a", "quantity": 2}]});
    let sold = server.act("r", "confirm", &part).expect(200);
    assert_eq!(
        (
            &sold["items"][0]["quantity"],
            &sold["confirmedItems"][0]["quantity"]
        ),
        (&json!(3), &json!(2))
    );
    assert_eq!(server.figures("a"), "8/0/2");
    for repeat in [&part, &json!({})] {
        assert!(server.act("r", "confirm", repeat).is_replayed());
    }
    let other = json!({"items": [{"skuId": "a", "quantity": 1}]});
    server
        .act("r", "confirm", &other)
        .refused(422, "IDEMPOTENCY_MISMATCH");
}

#[test]
fn more_than_is_held_cannot_be_sold() {
    let server = with_hold(3);
    server.stock("b", 5);
    let more = json!({"items": [{"skuId": "a", "quantity": 4}, {"skuId": "b", "quantity": 1}]});
    let refused = server
        .act("r", "confirm", &more)
        .refused(422, "CONFIRM_EXCEEDS_RESERVATION");
    assert_eq!(
        refused["exceeded"],
        json!([{"skuId": "a", "locationId": "default", "requested": 4, "available": 3},
            {"skuId": "b", "locationId": "default", "requested": 1, "available": 0}])
    );
    assert_eq!(server.figures("a"), "7/3/0");
}

#[test]
fn an_expired_hold_is_sold_only_if_it_can_be_taken_anew() {
    let server = Server::start();
    server.stock("a", 3);
    server.expired_hold("r", "a", 2);
    server
        .post_empty("/api/reservations/r/confirm")
        .refused(409, "RESERVATION_EXPIRED");
    server.hold("other", "a", 2);
    let anew = json!({"reacquire": true});
    let short = server
        .act("r", "confirm", &anew)
        .refused(409, "INSUFFICIENT_STOCK");
    assert_eq!(short["shortages"][0]["available"], 1);
    server
        .post_empty("/api/reservations/other/release")
        .expect(200);
    let sold = server.act("r", "confirm", &anew).expect(200);
    assert_eq!(
        (&sold["status"], &sold["reacquired"]),
        (&json!("CONFIRMED"), &json!(true))
    );
    assert!(sold["expiredAt"].is_string());
    assert_eq!(server.figures("a"), "1/0/2");
}
