//! Anybody may say anything to the webhook.

use contracts::EventType;
use serde_json::{Value, json};

use crate::support::{WORLD, order::Order, unique, until};

fn webhook(order_id: &str, key: &str, status: &str) -> Value {
    json!({
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": "2026-11-23T05:00:42.120Z",
        "data": {"paymentKey": key, "orderId": order_id, "status": status},
    })
}

fn send(body: &Value) {
    let answer = WORLD.post("/api/payments/webhook", "", body);
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[test]
fn a_forged_webhook_changes_nothing_and_learns_nothing() {
    let (ready, paid) = (Order::ready(), Order::paid("k"));
    let key = paid.payment()["paymentKey"].as_str().unwrap().to_owned();
    for status in ["DONE", "CANCELED", "ABORTED", "NONSENSE"] {
        send(&webhook(&ready.id, "k", status));
        send(&webhook(&paid.id, &key, status));
        send(&webhook(&unique("nobodys"), "k", status));
    }
    send(&json!({"eventType": "DEPOSIT_CALLBACK", "data": {"orderId": ready.id}}));
    send(&json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "a b; --"}}));
    send(&json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": null}));
    let answer = WORLD.post("/api/payments/webhook", "", &json!({"data": {}}));
    answer.refused(400, "INVALID_REQUEST");
    // The gateway was asked about the one that might have been paid.
    until("it is looked at", || {
        let id = &ready.id;
        WORLD.sql(&format!(
            "SELECT looked_ms > 0 FROM payment WHERE order_id = '{id}'"
        )) == "1"
    });
    assert_eq!(
        (ready.state().as_str(), paid.state().as_str()),
        ("READY", "APPROVED")
    );
    assert_eq!(WORLD.books(&paid.id), (39_000, 0));
    paid.said(EventType::PaymentCompleted, 1);
    ready.silent(EventType::PaymentCompleted);
}

#[test]
fn a_webhook_makes_the_service_look_however_often_it_comes() {
    let order = Order::ready();
    let key = unique("lost");
    order.confirm(&key).expect(202);
    for _ in 0..5 {
        send(&webhook(&order.id, &key, "DONE"));
    }
    order.wait("APPROVED");
    for _ in 0..5 {
        send(&webhook(&order.id, &key, "DONE"));
    }
    order.said(EventType::PaymentCompleted, 1);
    assert_eq!(WORLD.books(&order.id), (39_000, 0));
}

#[test]
fn the_gateways_own_webhooks_may_come_twice() {
    let order = Order::paid("dup");
    let declined = Order::ready();
    let answer = declined.confirm(&unique("decline"));
    answer.refused(402, "PAYMENT_DECLINED");
    // The webhook about the declined one makes the service look, and find nothing new.
    until("it is looked at", || {
        let id = &declined.id;
        WORLD.sql(&format!(
            "SELECT looked_ms > 0 AND look_due_ms IS NULL FROM payment WHERE order_id = '{id}'"
        )) == "1"
    });
    order.said(EventType::PaymentCompleted, 1);
    declined.said(EventType::PaymentFailed, 1);
    let states = (order.state(), declined.state());
    assert_eq!(states, ("APPROVED".to_owned(), "FAILED".to_owned()));
}
