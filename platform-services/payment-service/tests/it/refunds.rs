//! Money that goes back.

use contracts::EventType;
use serde_json::{Value, json};

use crate::support::{
    WORLD,
    order::{Order, send},
    unique, until,
};

fn cancel(order: &Order, body: &Value, key: Option<&str>) -> test_support::Answer {
    let id = order.payment()["paymentId"].as_str().unwrap().to_owned();
    let path = format!("/api/payments/{id}/cancel");
    WORLD.post_with(&path, &WORLD.admin(), body, key)
}

#[test]
fn refunds_of_an_order_go_back_once_each_with_their_goods() {
    let order = Order::paid("k");
    let (first, second) = (unique("r"), unique("r"));
    let asked = order.refund(&first, 13_000);
    order.send(&asked);
    send(&asked);
    order.wait("PARTIALLY_CANCELLED");
    let said = order.said(EventType::PaymentCancelled, 1);
    let data = &said[0]["data"];
    assert_eq!(
        (
            &data["refundId"],
            &data["cancelledAmount"],
            &data["reservationId"]
        ),
        (&json!(first), &json!(13_000), &json!(order.reservation()))
    );
    assert_eq!(data["items"], json!([{"skuId": "mug", "quantity": 1}]));
    assert_eq!(said[0]["causationid"], asked.id);
    assert_eq!(
        (WORLD.calls(&order.id).1, WORLD.books(&order.id).1),
        (1, 13_000)
    );
    // Asked for once more, as by somebody who never heard of it: said again, and paid back once.
    order.send(&order.refund(&first, 13_000));
    let again = order.said(EventType::PaymentCancelled, 2);
    assert_eq!(again[0]["data"], again[1]["data"]);
    assert_eq!(
        (WORLD.calls(&order.id).1, WORLD.books(&order.id).1),
        (1, 13_000)
    );
    order.send(&order.refund(&second, 26_000));
    let payment = order.wait("CANCELLED");
    assert_eq!(payment["cancelledAmount"], 39_000);
    assert_eq!(WORLD.books(&order.id), (39_000, 39_000));
    order.said(EventType::PaymentCancelled, 3);
}

#[test]
fn many_refunds_at_once_go_back_one_after_the_other() {
    let order = Order::paid("k");
    for _ in 0..6 {
        send(&order.refund(&unique("r"), 6_500));
    }
    order.wait("CANCELLED");
    assert_eq!(
        (WORLD.calls(&order.id).1, WORLD.books(&order.id)),
        (6, (39_000, 39_000))
    );
    order.said(EventType::PaymentCancelled, 6);
}

#[test]
fn a_refund_that_is_refused_is_tried_until_it_is_not() {
    let order = Order::paid("norefund-3");
    order.send(&order.refund(&unique("r"), 13_000));
    until("it is refused", || {
        order.payment()["cancels"][0]["gatewayCode"] == "NOT_CANCELABLE_PAYMENT"
    });
    let metrics = WORLD.http.get("/metrics", "").text;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("payment_refunds_refused_total"));
    assert_ne!(line.unwrap().rsplit(' ').next(), Some("0"));
    order.wait("PARTIALLY_CANCELLED");
    order.said(EventType::PaymentCancelled, 1);
    assert_eq!(
        (WORLD.calls(&order.id).1, WORLD.books(&order.id).1),
        (4, 13_000)
    );
}

#[test]
fn a_refund_that_is_always_refused_leaves_the_payment_as_it_is() {
    let order = Order::paid("norefund");
    order.send(&order.refund(&unique("r"), 13_000));
    until("it is refused again", || WORLD.calls(&order.id).1 >= 2);
    let payment = order.payment();
    assert_eq!(
        (&payment["status"], &payment["cancels"][0]["status"]),
        (&json!("APPROVED"), &json!("OPEN"))
    );
    order.silent(EventType::PaymentCancelled);
    // A person is told no, and that is that.
    let body = json!({"reason": "by hand"});
    let key = unique("c");
    for _ in 0..2 {
        let refused = cancel(&order, &body, Some(&key)).refused(422, "REFUND_REFUSED");
        assert_eq!(refused["gatewayCode"], "NOT_CANCELABLE_PAYMENT");
    }
    assert_eq!(WORLD.books(&order.id), (39_000, 0));
}

#[test]
fn a_refund_without_an_answer_goes_back_once() {
    let prefixes = [
        "refund-error",
        "refund-timeout-before",
        "refund-timeout-after",
    ];
    let orders = prefixes.map(Order::paid);
    for order in &orders {
        send(&order.refund(&unique("r"), 13_000));
    }
    for (order, prefix) in orders.iter().zip(prefixes) {
        order.wait("PARTIALLY_CANCELLED");
        assert_eq!(WORLD.books(&order.id), (39_000, 13_000), "{prefix}");
        order.said(EventType::PaymentCancelled, 1);
    }
}

#[test]
fn a_person_pays_back_a_part_and_then_the_rest() {
    let order = Order::paid("k");
    let key = unique("c");
    let body = json!({"cancelAmount": 9_000, "reason": "scratched"});
    let first = cancel(&order, &body, Some(&key));
    assert_eq!(first.header("idempotent-replayed"), None);
    let first = first.expect(200);
    assert_eq!(
        (&first["status"], &first["cancelledAmount"]),
        (&json!("PARTIALLY_CANCELLED"), &json!(9_000))
    );
    let again = cancel(&order, &body, Some(&key));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.expect(200), first);
    let other = json!({"cancelAmount": 8_000, "reason": "scratched"});
    cancel(&order, &other, Some(&key)).refused(422, "IDEMPOTENCY_MISMATCH");
    let much = json!({"cancelAmount": 30_001, "reason": "all"});
    let much = cancel(&order, &much, None).refused(422, "CANCEL_EXCEEDS_PAYMENT");
    assert_eq!(much["balance"], 30_000);
    let rest = cancel(&order, &json!({"reason": "the rest"}), None).expect(200);
    assert_eq!(rest["status"], "CANCELLED");
    cancel(&order, &json!({"reason": "more"}), None).refused(409, "INVALID_PAYMENT_STATE");
    assert_eq!(
        (WORLD.calls(&order.id).1, WORLD.books(&order.id).1),
        (2, 39_000)
    );
    for event in order.said(EventType::PaymentCancelled, 2) {
        assert!(event["data"].get("items").is_none());
    }
    for (body, field) in [
        (json!({"reason": ""}), "reason"),
        (json!({"reason": "x", "cancelAmount": 0}), "cancelAmount"),
    ] {
        let bad = cancel(&order, &body, None).refused(400, "INVALID_REQUEST");
        assert_eq!(bad["errors"][0]["field"], field);
    }
    let bad = cancel(&order, &json!({"reason": "x"}), Some("a b"));
    assert_eq!(
        bad.refused(400, "INVALID_REQUEST")["errors"][0]["field"],
        "Idempotency-Key"
    );
}

#[test]
fn a_part_without_a_key_goes_back_once_in_ten_minutes() {
    let order = Order::paid("k");
    let body = json!({"cancelAmount": 9_000, "reason": "scratched"});
    let first = cancel(&order, &body, None);
    assert_eq!(first.header("idempotent-replayed"), None);
    let first = first.expect(200);
    for _ in 0..2 {
        let again = cancel(&order, &body, None);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.expect(200), first);
    }
    let paid_back = |body: &Value, key: Option<&str>| {
        let done = cancel(&order, body, key);
        assert_eq!(done.header("idempotent-replayed"), None);
        done.expect(200)["cancelledAmount"].clone()
    };
    // Another reason, another amount, a key: not a repeat.
    let other = json!({"cancelAmount": 9_000, "reason": "Scratched"});
    assert_eq!(paid_back(&other, None), 18_000);
    let other = json!({"cancelAmount": 1_000, "reason": "scratched"});
    assert_eq!(paid_back(&other, None), 19_000);
    assert_eq!(paid_back(&body, Some(&unique("c"))), 28_000);
    let id = &order.id;
    WORLD.sql(&format!(
        "UPDATE payment_refund SET created_ms = created_ms - 600000 WHERE order_id = '{id}'"
    ));
    assert_eq!(paid_back(&body, None), 37_000);
    assert_eq!(WORLD.books(&order.id), (39_000, 37_000));
    // What was refused was not paid back: it may be asked for again.
    let order = Order::paid("norefund-1");
    cancel(&order, &body, None).refused(422, "REFUND_REFUSED");
    cancel(&order, &body, None).expect(200);
    assert_eq!(WORLD.books(&order.id), (39_000, 9_000));
}

#[test]
fn a_person_is_told_when_the_gateway_does_not_answer() {
    let order = Order::paid("refund-timeout-after");
    let body = json!({"cancelAmount": 9_000, "reason": "scratched"});
    let key = unique("c");
    let under_way = cancel(&order, &body, Some(&key)).expect(202);
    assert_eq!(under_way["cancels"][0]["status"], "OPEN");
    order.wait("PARTIALLY_CANCELLED");
    assert_eq!(
        cancel(&order, &body, Some(&key)).expect(200)["cancelledAmount"],
        9_000
    );
    assert_eq!(WORLD.books(&order.id), (39_000, 9_000));
}

#[test]
fn what_was_not_paid_is_not_paid_back() {
    let order = Order::ready();
    let refused = cancel(&order, &json!({"reason": "x"}), None);
    assert_eq!(
        refused.refused(409, "INVALID_PAYMENT_STATE")["state"],
        "READY"
    );
    let declined = Order::ready();
    declined
        .confirm(&unique("decline"))
        .refused(402, "PAYMENT_DECLINED");
    declined.send(&declined.refund(&unique("r"), 1_000));
    until("it is given up", || {
        declined.payment()["cancels"][0]["status"] == "REFUSED"
    });
    // More than was paid: refused without asking, kept for a person.
    let paid = Order::paid("k");
    paid.send(&paid.refund(&unique("r"), 40_000));
    until("it is refused", || {
        paid.payment()["cancels"][0]["gatewayCode"] == "NOT_CANCELABLE_AMOUNT"
    });
    assert_eq!(
        (paid.state().as_str(), WORLD.books(&paid.id)),
        ("APPROVED", (39_000, 0))
    );
}
