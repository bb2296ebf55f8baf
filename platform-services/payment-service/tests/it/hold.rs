//! The goods of a payment whose outcome is not known are kept.

use contracts::Timestamp;
use serde_json::json;

use crate::support::{
    WORLD,
    order::{Order, send},
    unique, until,
};

#[test]
fn the_hold_of_an_unknown_payment_is_extended_and_never_cut_short() {
    let inventory = &WORLD.around.inventory;
    let put = r#"{"onHandQuantity":10}"#;
    let made = inventory.send("PUT", "/api/inventories/mug", "", Some(put), &[]);
    assert_eq!(made.unwrap().status, 201);
    let expiry = |id: &str| {
        let answer = inventory
            .get(&format!("/api/reservations/{id}"), "")
            .expect(200);
        Timestamp::parse(answer["expiresAt"].as_str().unwrap()).unwrap()
    };
    let mut orders = Vec::new();
    for ttl_seconds in [20, 900] {
        let order = Order::new();
        let body = json!({
            "reservationId": order.reservation(), "orderId": order.id,
            "ttlSeconds": ttl_seconds, "items": [{"skuId": "mug", "quantity": 1}],
        });
        inventory.post("/api/reservations", "", &body).expect(201);
        let before = expiry(&order.reservation());
        let mut reserved = order.reserved();
        reserved.data.expires_at = before;
        send(&order.placed());
        send(&reserved);
        order.wait("READY");
        // It stays unknown for as long as nobody finds it: the sandbox holds the answer.
        order.confirm(&unique("timeout-before")).expect(202);
        orders.push((order, before));
    }
    let (short, before) = &orders[0];
    until("the short hold is extended", || {
        expiry(&short.reservation()) > *before
    });
    let (long, before) = &orders[1];
    long.wait("FAILED");
    assert_eq!(expiry(&long.reservation()), *before);
}
