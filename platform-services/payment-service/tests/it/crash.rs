//! Killed at the worst moment, and replicas that help each other.

use std::thread;

use contracts::EventType;

use crate::support::{
    WORLD,
    order::{Order, send},
    unique, until,
};

/// A confirm through a replica that is killed while it waits for the answer.
fn killed_while_it_pays(prefix: &str) -> Order {
    // It waits for longer than the sandbox keeps its answer, so that it dies before it gives up.
    let (process, http) = WORLD.around.deaf(&["--gateway-timeout-ms=5000"]);
    let order = Order::ready();
    let (token, body) = (order.token(), order.body(&unique(prefix)).to_string());
    let asking = thread::spawn(move || {
        http.send("POST", "/api/payments/confirm", &token, Some(&body), &[])
            .is_err()
    });
    until("the gateway is asked", || WORLD.calls(&order.id).0 == 1);
    process.kill9().unwrap();
    assert!(
        asking.join().unwrap(),
        "it was answered before it was killed"
    );
    order
}

#[test]
fn an_approval_that_nobody_heard_is_found_by_another_replica() {
    let order = killed_while_it_pays("timeout-after");
    assert_eq!(order.state(), "UNKNOWN");
    order.wait("APPROVED");
    assert_eq!(
        (WORLD.calls(&order.id).0, WORLD.books(&order.id)),
        (1, (39_000, 0))
    );
    order.said(EventType::PaymentCompleted, 1);
}

#[test]
fn an_approval_that_nobody_heard_of_a_cancelled_order_is_paid_back() {
    let order = killed_while_it_pays("timeout-after");
    send(&order.cancelled());
    order.wait("CANCELLED");
    assert_eq!(WORLD.books(&order.id), (39_000, 39_000));
}

#[test]
fn a_refund_that_was_cut_off_goes_back_once() {
    let (process, http) = WORLD.around.deaf(&["--gateway-timeout-ms=5000"]);
    let order = Order::paid("refund-timeout-after");
    let id = order.payment()["paymentId"].as_str().unwrap().to_owned();
    let admin = WORLD.admin();
    let asking = thread::spawn(move || {
        let body = r#"{"cancelAmount":9000,"reason":"scratched"}"#;
        let path = format!("/api/payments/{id}/cancel");
        http.send("POST", &path, &admin, Some(body), &[]).is_err()
    });
    until("the gateway has paid back", || {
        WORLD.books(&order.id).1 == 9_000
    });
    process.kill9().unwrap();
    assert!(
        asking.join().unwrap(),
        "it was answered before it was killed"
    );
    // Its claim runs out first.
    order.wait("PARTIALLY_CANCELLED");
    assert_eq!(WORLD.books(&order.id), (39_000, 9_000));
    order.said(EventType::PaymentCancelled, 1);
}
