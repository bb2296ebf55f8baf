//! What becomes of a confirm, for everything that the gateway can do.

use std::{sync::Barrier, thread};

use contracts::EventType;
use serde_json::json;

use crate::support::{CONTRACT, WORLD, order::Order, unique, until};

#[test]
fn a_payment_is_taken_once_and_said_once() {
    let order = Order::ready();
    let created = &order.said(EventType::PaymentCreated, 1)[0]["data"];
    assert_eq!(created["amount"], 39_000);
    let key = unique("k");
    let paid = order.confirm(&key).expect(200);
    assert_eq!(
        (&paid["status"], &paid["amount"], &paid["currency"]),
        (&json!("APPROVED"), &json!(39_000), &json!("KRW"))
    );
    assert_eq!(paid["paymentId"], created["paymentId"]);
    let again = order.confirm(&key).expect(200);
    assert_eq!(again, paid);
    let other = order.confirm(&unique("k"));
    other.refused(409, "INVALID_PAYMENT_STATE");
    assert_eq!(WORLD.calls(&order.id), (1, 0));
    assert_eq!(WORLD.books(&order.id), (39_000, 0));
    let completed = &order.said(EventType::PaymentCompleted, 1)[0]["data"];
    assert_eq!(
        completed["gatewayTransactionId"],
        paid["gatewayTransactionId"]
    );
    order.silent(EventType::PaymentFailed);
}

#[test]
fn what_is_wrong_is_found_before_the_gateway_is_asked() {
    let order = Order::ready();
    let post = |body| WORLD.post("/api/payments/confirm", &order.token(), &body);
    let mismatch = json!({"orderId": order.id, "paymentKey": "k", "amount": 38_999});
    let mismatch = post(mismatch).refused(422, "AMOUNT_MISMATCH");
    assert_eq!(mismatch["amount"], 39_000);
    let bad = json!({"orderId": "a b", "paymentKey": "../cancel", "amount": 0});
    let bad = post(bad).refused(400, "INVALID_REQUEST");
    let fields = bad["errors"].as_array().unwrap().iter();
    let fields: Vec<_> = fields.map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["orderId", "paymentKey", "amount"]);
    for body in [
        json!({"orderId": order.id, "paymentKey": "k"}),
        json!({"orderId": order.id, "paymentKey": "k", "amount": 1.5}),
        json!({"orderId": order.id, "paymentKey": "k", "amount": 39_000, "more": 1}),
    ] {
        post(body).refused(400, "INVALID_REQUEST");
    }
    let unknown = json!({"orderId": "nobodys", "paymentKey": "k", "amount": 1});
    post(unknown).refused(404, "PAYMENT_NOT_FOUND");
    assert_eq!(WORLD.ledger(&order.id)["orders"], json!([]));
    assert_eq!(order.payment()["status"], "READY");
}

#[test]
fn a_declined_payment_is_over() {
    let order = Order::ready();
    let key = unique("decline");
    for _ in 0..2 {
        let declined = order.confirm(&key).refused(402, "PAYMENT_DECLINED");
        assert_eq!(declined["gatewayCode"], "REJECT_CARD_PAYMENT");
    }
    let other = order.confirm(&unique("k"));
    assert_eq!(
        other.refused(409, "INVALID_PAYMENT_STATE")["state"],
        "FAILED"
    );
    let failed = &order.said(EventType::PaymentFailed, 1)[0]["data"];
    assert_eq!(failed["reason"], "REJECT_CARD_PAYMENT");
    assert_eq!(
        (WORLD.calls(&order.id), WORLD.books(&order.id)),
        ((1, 0), (0, 0))
    );
    order.silent(EventType::PaymentCompleted);
}

/// Orders that were confirmed with keys that begin so, and their keys; all unknown.
fn unknown(prefixes: [&str; 2]) -> Vec<(Order, String)> {
    let asked = prefixes.map(|prefix| (Order::ready(), unique(prefix)));
    for (order, key) in &asked {
        assert_eq!(order.confirm(key).expect(202)["status"], "UNKNOWN");
    }
    asked.into()
}

#[test]
fn what_the_gateway_took_without_an_answer_is_found() {
    for (order, key) in unknown(["timeout-after", "lost"]) {
        let paid = order.wait("APPROVED");
        assert_eq!(paid["paymentKey"], key);
        assert_eq!(order.confirm(&key).expect(200), paid);
        order.said(EventType::PaymentCompleted, 1);
        let (calls, books) = (WORLD.calls(&order.id).0, WORLD.books(&order.id).0);
        assert_eq!((calls, books), (1, 39_000));
    }
}

#[test]
fn what_the_gateway_never_took_fails() {
    let asked = unknown(["timeout-before", "error"]);
    let other = asked[0].0.confirm(&unique("k"));
    let other = other.refused(409, "INVALID_PAYMENT_STATE");
    let states = [json!("UNKNOWN"), json!("FAILED")];
    assert!(states.contains(&other["state"]), "{other:#}");
    for (order, key) in &asked {
        let failed = order.wait("FAILED");
        assert_eq!(failed["gatewayCode"], "NOT_FOUND_PAYMENT");
        order.confirm(key).refused(402, "PAYMENT_DECLINED");
        order.said(EventType::PaymentFailed, 1);
        assert_eq!((WORLD.calls(&order.id).0, WORLD.books(&order.id).0), (1, 0));
    }
    for (order, _) in &asked {
        // It is looked at once more, when nothing can come any more; then never again.
        until("the last look is over", || {
            let id = &order.id;
            let due = "SELECT look_due_ms IS NULL FROM payment WHERE order_id";
            WORLD.sql(&format!("{due} = '{id}'")) == "1"
        });
        assert_eq!(order.payment()["status"], "FAILED");
    }
}

#[test]
fn what_the_customer_had_abandoned_does_not_end_what_is_paid() {
    let order = Order::ready();
    let key = unique("abandoned");
    order.confirm(&key).expect(202);
    let paid = order.wait("APPROVED");
    assert_eq!(paid["paymentKey"], key);
    let payments = &WORLD.ledger(&order.id)["orders"][0]["payments"];
    let statuses = (&payments[0]["status"], &payments[1]["status"]);
    assert_eq!(statuses, (&json!("DONE"), &json!("EXPIRED")));
    order.said(EventType::PaymentCompleted, 1);
    order.silent(EventType::PaymentFailed);
    assert_eq!(WORLD.books(&order.id), (39_000, 0));
}

#[test]
fn a_gateway_that_is_not_reached_took_nothing() {
    let (_process, http) = WORLD.around.deaf(&["--toss-url=http://127.0.0.1:1"]);
    let order = Order::ready();
    let key = unique("k");
    let body = order.body(&key);
    let away = http.post("/api/payments/confirm", &order.token(), &body);
    assert!(away.header("retry-after").is_some());
    CONTRACT.check("post", "/api/payments/confirm", &away);
    away.refused(503, "GATEWAY_UNAVAILABLE");
    assert_eq!(order.payment()["status"], "READY");
    order.confirm(&key).expect(200);
    assert_eq!(WORLD.books(&order.id), (39_000, 0));
}

#[test]
fn a_slow_gateway_is_waited_for() {
    let order = Order::ready();
    order.confirm(&unique("slow")).expect(200);
    order.said(EventType::PaymentCompleted, 1);
}

#[test]
fn many_confirms_at_once_ask_the_gateway_once() {
    let order = Order::ready();
    let (same, others) = (unique("slow"), [unique("k"), unique("k"), unique("k")]);
    let gate = Barrier::new(10);
    let answers: Vec<_> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let key = if n < 7 { &same } else { &others[n - 7] };
                let (gate, order) = (&gate, &order);
                scope.spawn(move || {
                    gate.wait();
                    (key.clone(), order.confirm(key))
                })
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    let winner = order.payment()["paymentKey"].clone();
    for (key, answer) in answers {
        if winner == key {
            answer.expect(200);
        } else {
            answer.refused(409, "INVALID_PAYMENT_STATE");
        }
    }
    assert_eq!(
        (WORLD.calls(&order.id), WORLD.books(&order.id)),
        ((1, 0), (39_000, 0))
    );
    let payments = &WORLD.ledger(&order.id)["orders"][0]["payments"];
    assert_eq!(payments.as_array().unwrap().len(), 1);
}

#[test]
fn a_key_of_another_order_takes_nothing() {
    let (paid, other) = (Order::ready(), Order::ready());
    let key = unique("k");
    paid.confirm(&key).expect(200);
    // The gateway refuses, as the key is for another order.
    other.confirm(&key).refused(402, "PAYMENT_DECLINED");
    assert_eq!(WORLD.books(&other.id), (0, 0));
    assert_eq!(paid.payment()["status"], "APPROVED");
}
