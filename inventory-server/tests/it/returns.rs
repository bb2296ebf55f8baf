use crate::support::{Server, json};

fn with_sale(quantity: u32) -> Server {
    let server = Server::start();
    server.stock("a", 10);
    server.hold("r", "a", quantity);
    server.post_empty("/api/reservations/r/confirm").expect(200);
    server
}

#[test]
fn goods_come_back_in_parts_until_all_are_back() {
    let server = with_sale(3);
    let part = json!({"returnId": "ret-1", "items": [{"skuId": "a", "quantity": 1}]});
    let first = server.act("r", "return", &part).expect(200);
    assert_eq!(first["status"], "PARTIALLY_RETURNED");
    assert_eq!(first["returned"][0]["returnId"], "ret-1");
    assert_eq!(
        first["returned"][0]["items"],
        json!([{"skuId": "a", "locationId": "default", "quantity": 1}])
    );
    assert_eq!(server.figures("a"), "8/0/2");
    let again = server.act("r", "return", &part);
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), first);
    let other = json!({"returnId": "ret-1", "items": [{"skuId": "a", "quantity": 2}]});
    server
        .act("r", "return", &other)
        .refused(422, "IDEMPOTENCY_MISMATCH");
    let rest = server
        .act("r", "return", &json!({"returnId": "ret-2"}))
        .expect(200);
    assert_eq!(
        (&rest["status"], rest["returned"].as_array().map(Vec::len)),
        (&json!("RETURNED"), Some(2))
    );
    assert_eq!(server.figures("a"), "10/0/0");
    assert_eq!(server.get("/api/reservations/r").expect(200), rest);
}

#[test]
fn more_than_was_sold_does_not_come_back() {
    let server = with_sale(3);
    let more = json!({"returnId": "x", "items": [{"skuId": "a", "quantity": 4}]});
    let refused = server
        .act("r", "return", &more)
        .refused(422, "RETURN_EXCEEDS_CONFIRMED");
    assert_eq!(refused["exceeded"][0]["available"], 3);
    server
        .act("r", "return", &json!({"returnId": "x"}))
        .expect(200);
    server
        .act("r", "return", &json!({"returnId": "y"}))
        .refused(422, "RETURN_EXCEEDS_CONFIRMED");
    assert_eq!(server.figures("a"), "10/0/0");
}

#[test]
fn a_reservation_sees_a_hundred_returns() {
    let server = Server::start();
    server.stock("a", 200);
    server.hold("r", "a", 101);
    server.post_empty("/api/reservations/r/confirm").expect(200);
    let one =
        |n: u32| json!({"returnId": format!("ret-{n}"), "items": [{"skuId": "a", "quantity": 1}]});
    for n in 0..100 {
        server.act("r", "return", &one(n)).expect(200);
    }
    assert_eq!(
        server.act("r", "return", &one(100)).faulty_fields(),
        ["returnId"]
    );
}

#[test]
fn a_return_needs_its_id() {
    let server = with_sale(1);
    assert_eq!(
        server.act("r", "return", &json!({})).faulty_fields(),
        ["returnId"]
    );
    let broken = json!({"returnId": "", "items": [{"skuId": "a", "quantity": 0}], "reason": "x"});
    assert_eq!(
        server.act("r", "return", &broken).faulty_fields(),
        ["returnId", "items[0].quantity", "reason"]
    );
}
