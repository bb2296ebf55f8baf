//! Every event in every state, twice, and in every order.

use contracts::EventType;
use serde_json::json;

use crate::support::{
    WORLD,
    order::{Order, event, send},
    unique, until,
};

#[test]
fn whichever_of_the_two_comes_first_waits_for_the_other() {
    for turn in [false, true] {
        let order = Order::new();
        if turn {
            order.send(&order.reserved());
        } else {
            order.send(&order.placed());
        }
        assert_eq!(order.state(), "AWAITING");
        order.silent(EventType::PaymentCreated);
        // Nobody sees it yet, but its owner is told to wait.
        let path = format!("/api/payments?orderId={}", order.id);
        WORLD
            .get(&path, &order.token())
            .refused(404, "PAYMENT_NOT_FOUND");
        if turn {
            order.confirm("k").refused(404, "PAYMENT_NOT_FOUND");
            order.send(&order.placed());
        } else {
            let wait = order.confirm("k").refused(409, "INVALID_PAYMENT_STATE");
            assert_eq!(
                (&wait["state"], &wait["retryable"]),
                (&json!("AWAITING"), &json!(true))
            );
            order.send(&order.reserved());
        }
        assert_eq!(order.state(), "READY");
        order.said(EventType::PaymentCreated, 1);
    }
}

#[test]
fn a_strangers_hold_does_not_count() {
    // Before the order is heard of, and after.
    let order = Order::new();
    order.send(&order.reserved_as("r-stranger"));
    order.send(&order.placed());
    assert_eq!(order.state(), "AWAITING");
    send(&order.reserved_as("r-other"));
    order.send(&order.reserved());
    assert_eq!(order.state(), "READY");
    // The customer's own hold, named by the order.
    let order = Order {
        reservation: Some(unique("r")),
        ..Order::new()
    };
    order.send(&order.placed());
    send(&order.reserved_as(&format!("order-{}", order.id)));
    order.send(&order.reserved());
    assert_eq!(order.state(), "READY");
    order.said(EventType::PaymentCreated, 1);
}

/// An order whose payment is in this state.
fn in_state(state: &str) -> Order {
    let order = match state {
        "AWAITING" => {
            let order = Order::new();
            order.send(&order.placed());
            order
        }
        "READY" => Order::ready(),
        "UNKNOWN" => {
            let order = Order::ready();
            order.confirm(&unique("timeout-before")).expect(202);
            order
        }
        "APPROVED" => Order::paid("k"),
        "PARTIALLY_CANCELLED" | "CANCELLED" => {
            let order = Order::paid("k");
            let amount = if state == "CANCELLED" { 39_000 } else { 9_000 };
            order.send(&order.refund(&unique("r"), amount));
            order.wait(state);
            order
        }
        "FAILED" => {
            let order = Order::ready();
            order
                .confirm(&unique("decline"))
                .refused(402, "PAYMENT_DECLINED");
            order
        }
        "CLOSED" => {
            let order = Order::ready();
            order.send(&order.cancelled());
            order
        }
        other => panic!("{other}"),
    };
    let now = order.state();
    assert!(is_still(state, &now), "{state}: {now}");
    order
}

/// An unknown outcome may have come to its end by itself.
fn is_still(state: &str, now: &str) -> bool {
    now == state || (state == "UNKNOWN" && now == "FAILED")
}

const STATES: [&str; 8] = [
    "AWAITING",
    "READY",
    "UNKNOWN",
    "APPROVED",
    "PARTIALLY_CANCELLED",
    "CANCELLED",
    "FAILED",
    "CLOSED",
];

#[test]
fn a_repeat_of_an_order_or_its_hold_changes_nothing() {
    std::thread::scope(|scope| {
        for state in STATES {
            scope.spawn(move || {
                let order = in_state(state);
                // The same order, placed again with another id, twice the same event.
                let placed = order.placed();
                order.send(&placed);
                send(&placed);
                if state != "AWAITING" {
                    order.send(&order.reserved());
                }
                let now = order.state();
                assert!(is_still(state, &now), "{state}: {now}");
                let created = usize::from(state != "AWAITING");
                order.said(EventType::PaymentCreated, created);
            });
        }
    });
}

#[test]
fn a_cancelled_order_ends_its_payment_in_every_state() {
    let ends = [
        ("AWAITING", "CLOSED", (0, 0)),
        ("READY", "CLOSED", (0, 0)),
        ("UNKNOWN", "FAILED", (0, 0)),
        ("APPROVED", "CANCELLED", (39_000, 39_000)),
        ("PARTIALLY_CANCELLED", "CANCELLED", (39_000, 39_000)),
        ("CANCELLED", "CANCELLED", (39_000, 39_000)),
        ("FAILED", "FAILED", (0, 0)),
        ("CLOSED", "CLOSED", (0, 0)),
    ];
    std::thread::scope(|scope| {
        for (state, end, books) in ends {
            scope.spawn(move || {
                let order = in_state(state);
                order.send(&order.cancelled());
                order.send(&order.cancelled());
                until(&format!("{state} ends as {end}"), || order.state() == end);
                until("the books are right", || WORLD.books(&order.id) == books);
                let late = order.confirm("late");
                assert!(matches!(late.status, 404 | 409), "{}", late.text);
                assert_eq!(WORLD.books(&order.id), books);
                let full = WORLD.heard.of(&order.id, EventType::PaymentCancelled);
                for event in full {
                    let data = &event["data"];
                    if data.get("refundId").is_none() {
                        assert!(data.get("items").is_none(), "{event:#}");
                    }
                }
            });
        }
    });
}

#[test]
fn an_order_that_is_cancelled_before_it_is_heard_of_stays_closed() {
    let order = Order::new();
    order.send(&order.cancelled());
    order.send(&order.reserved());
    order.send(&order.placed());
    assert_eq!(order.state(), "CLOSED");
    order.confirm("k").refused(409, "INVALID_PAYMENT_STATE");
    order.silent(EventType::PaymentCreated);
    order.silent(EventType::PaymentCancelled);
    assert_eq!(WORLD.books(&order.id), (0, 0));
}

#[test]
fn closing_says_that_nothing_was_taken() {
    let order = Order::ready();
    order.send(&order.cancelled());
    let closed = &order.said(EventType::PaymentCancelled, 1)[0]["data"];
    assert_eq!(closed["amount"], 39_000);
    for absent in ["cancelledAmount", "refundId", "items", "reservationId"] {
        assert!(closed.get(absent).is_none(), "{closed}");
    }
}

#[test]
fn an_approval_after_the_order_was_cancelled_is_paid_back() {
    let order = Order::ready();
    order.confirm(&unique("timeout-after")).expect(202);
    send(&order.cancelled());
    order.wait("CANCELLED");
    assert_eq!(WORLD.books(&order.id), (39_000, 39_000));
    order.said(EventType::PaymentCompleted, 1);
    let back = &order.said(EventType::PaymentCancelled, 1)[0]["data"];
    assert_eq!(back["cancelledAmount"], 39_000);
    assert!(back.get("items").is_none());
}

#[test]
fn an_approval_after_the_payment_had_failed_is_paid_back() {
    let order = Order::ready();
    let key = unique("timeout-before");
    order.confirm(&key).expect(202);
    order.wait("FAILED");
    // The money is taken after all, by whatever way.
    let basic = "Basic dGVzdF9zazo=";
    let stray = json!({"orderId": order.id, "paymentKey": unique("k"), "amount": 39_000});
    let sent = WORLD.sandbox.post("/v1/payments/confirm", basic, &stray);
    assert_eq!(sent.status, 200, "{}", sent.text);
    until("the money goes back", || {
        WORLD.books(&order.id) == (39_000, 39_000)
    });
    assert_eq!(order.payment()["status"], "FAILED");
    order.silent(EventType::PaymentCompleted);
    let back = &order.said(EventType::PaymentCancelled, 1)[0]["data"];
    assert_eq!(back["cancelledAmount"], 39_000);
}

#[test]
fn what_makes_no_sense_goes_to_the_dead_letters() {
    let orders = [Order::new(), Order::new()];
    let mut free = orders[0].placed();
    free.data.total_amount = 0;
    send(&free);
    let mut dollars = orders[1].placed();
    dollars.data.currency = "USD".to_owned();
    send(&dollars);
    let mut nothing = event(orders[0].refund("r", 1).data);
    nothing.data.refund_amount = 0;
    send(&nothing);
    let dead = |topic: &str| {
        let metrics = WORLD.http.get("/metrics", "").text;
        let line = format!("topic=\"{topic}\",reason=\"INVALID_DATA\"");
        let mut lines = metrics
            .lines()
            .filter(|at| at.contains("dead_letters_total"));
        let found = lines.rfind(|at| at.contains(&line));
        found.map_or(0, |at| at.rsplit(' ').next().unwrap().parse().unwrap())
    };
    until("the dead letters are counted", || {
        dead("order.placed") >= 2 && dead("order.refund.requested") >= 1
    });
    for order in &orders {
        assert_eq!(order.state(), "");
    }
}
