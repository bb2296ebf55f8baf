use std::thread;

use serde_json::json;

use crate::support::{SERVICE, Sent, text, unique};

fn order(quantity: u32) -> serde_json::Value {
    json!({
        "items": [{"skuId": "a", "quantity": quantity}, {"skuId": "b", "quantity": 1}],
        "shippingAddressId": "1",
    })
}

#[test]
fn the_same_request_again_is_the_same_order() {
    let customer = SERVICE.customer();
    let first = customer
        .post_with_key("/api/orders", "k-1", &order(1))
        .expect(202);
    let again = json!({
        "shippingAddressId": 1,
        "items": [{"skuId": "b", "quantity": 1}, {"skuId": "a", "quantity": 1}],
    });
    let replayed = customer.post_with_key("/api/orders", "k-1", &again);
    assert!(replayed.is_replayed());
    assert_eq!(replayed.expect(200)["orderId"], first["orderId"]);
    customer
        .post_with_key("/api/orders", "k-1", &order(2))
        .refused(422, "IDEMPOTENCY_MISMATCH");
    // With the state of now.
    let id = text(&first, "orderId");
    customer
        .post_empty(&format!("/api/orders/{id}/cancel"))
        .expect(202);
    let replayed = customer
        .post_with_key("/api/orders", "k-1", &order(1))
        .expect(200);
    assert_eq!(replayed["status"], "CANCELLED");
    // Keys are the user's own.
    let other = SERVICE
        .customer()
        .post_with_key("/api/orders", "k-1", &order(1));
    assert_ne!(other.expect(202)["orderId"], first["orderId"]);
}

#[test]
fn a_refused_request_may_be_repeated_with_its_key() {
    let customer = SERVICE.customer();
    let unknown = json!({"items": [{"skuId": "no-1", "quantity": 1}], "shippingAddressId": "1"});
    customer
        .post_with_key("/api/orders", "k", &unknown)
        .refused(422, "UNKNOWN_SKU");
    customer
        .post_with_key("/api/orders", "k", &order(1))
        .expect(202);
}

#[test]
fn many_at_once_are_one_order() {
    let customer = SERVICE.customer();
    let key = unique("key");
    let answers: Vec<_> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| customer.post_with_key("/api/orders", &key, &order(1))))
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    let placed = answers.iter().filter(|answer| answer.status == 202).count();
    let replayed = answers.iter().filter(|answer| answer.is_replayed()).count();
    assert_eq!((placed, replayed), (1, 11));
    let id = text(&answers[0].body, "orderId");
    assert!(answers.iter().all(|answer| answer.body["orderId"] == id));
    let orders = customer.get("/api/orders").expect(200);
    assert_eq!(orders["orders"].as_array().unwrap().len(), 1);
    Sent::one("order.placed", id);
}

#[test]
fn a_cancellation_can_be_repeated_too() {
    let customer = SERVICE.customer();
    let one = customer.place(&[("a", 1)]);
    let two = customer.place(&[("a", 1)]);
    let cancel =
        |order: &serde_json::Value| format!("/api/orders/{}/cancel", text(order, "orderId"));
    let key = [("idempotency-key", "c")];
    customer.send("POST", &cancel(&one), &key, None).expect(202);
    assert!(
        customer
            .send("POST", &cancel(&one), &key, None)
            .is_replayed()
    );
    customer
        .send("POST", &cancel(&two), &key, None)
        .refused(422, "IDEMPOTENCY_MISMATCH");
}
