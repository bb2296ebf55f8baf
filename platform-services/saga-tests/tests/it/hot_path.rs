//! Orders that bring a hold.

use serde_json::{Value, json};

use crate::support::{Order, Stock, shop, shop_alone, text, until};

const STEPS: [&str; 5] = ["PLACED", "RESERVED", "PAYMENT_PENDING", "PAID", "CONFIRMED"];

#[test]
fn an_order_takes_the_hold_that_its_customer_has() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 5);
    let customer = shop.customer();
    let hold = text(&customer.hold(&[(&cup, 4)], 600).expect(201)["reservationId"]);
    let placed = customer.ask(&[(&cup, 4)], json!({"reservationId": hold}));
    let order = Order::of(customer, &placed.expect(202));
    order.until_payable();
    // Held once.
    let held = Stock {
        available: 1,
        reserved: 4,
        sold: 0,
    };
    assert_eq!(shop.stock(&cup), held);
    assert_eq!(shop.hold(&hold)["orderId"], order.id);
    assert_eq!(order.read()["reservationId"], hold);
    // It is the order's: the customer cannot give it away, and no other order gets it.
    let path = format!("/api/reservations/{hold}/release");
    let released = shop
        .inventory
        .http
        .post(&path, customer.token(), &json!({}));
    assert_eq!(released.status, 403, "{}", released.text);
    let again = customer.ask(&[(&cup, 4)], json!({"reservationId": hold}));
    again.refused(422, "RESERVATION_MISMATCH");

    order.pay("key").expect(200);
    order.until("CONFIRMED");
    order.assert_timeline(&STEPS, None);
    assert_eq!(shop.hold(&hold)["status"], "CONFIRMED");
    assert_eq!(order.ledger(), (36_000, 0));
    assert_eq!(shop.stock(&cup), Stock::at_rest(1, 4));
    order.refund(&[]).expect(202);
    order.until("REFUNDED");
    shop.until_stock(&cup, Stock::at_rest(5, 0));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_hold_that_does_not_fit_is_refused_and_stays_as_it_is() {
    let (shop, _visit) = shop();
    let (cup, pot) = (shop.goods("cup", 9_000, 5), shop.goods("pot", 9_000, 5));
    let (customer, other) = (shop.customer(), shop.customer());
    let hold = text(&customer.hold(&[(&cup, 2)], 600).expect(201)["reservationId"]);
    let with = |id: &str| json!({"reservationId": id});
    let mismatch = |asked: crate::support::Answer| asked.refused(422, "RESERVATION_MISMATCH");
    mismatch(customer.ask(&[(&cup, 3)], with(&hold)));
    mismatch(customer.ask(&[(&cup, 2), (&pot, 1)], with(&hold)));
    mismatch(customer.ask(&[(&pot, 2)], with(&hold)));
    mismatch(other.ask(&[(&cup, 2)], with(&hold)));
    mismatch(customer.ask(&[(&cup, 2)], with("no-such-hold")));
    let none = shop.order.http.get("/api/orders", customer.token());
    assert_eq!(none.expect(200)["orders"], json!([]));
    assert_eq!(shop.hold(&hold)["status"], "RESERVED");
    assert_eq!(shop.hold(&hold)["orderId"], Value::Null);

    // One that is over is none.
    let path = format!("/api/reservations/{hold}/release");
    let released = shop
        .inventory
        .http
        .post(&path, customer.token(), &json!({}));
    released.expect(200);
    mismatch(customer.ask(&[(&cup, 2)], with(&hold)));
    assert_eq!(shop.stock(&cup), Stock::at_rest(5, 0));
    shop.assert_in_step(&[&cup, &pot]);
}

#[test]
fn a_hold_that_ends_before_the_order_is_paid_ends_the_order() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 5);
    let customer = shop.customer();
    let hold = text(&customer.hold(&[(&cup, 2)], 600).expect(201)["reservationId"]);
    let placed = customer.ask(&[(&cup, 2)], json!({"reservationId": hold}));
    let order = Order::of(customer, &placed.expect(202));
    // The hold may be over before the order gets it, or after.
    shop.hurry(&hold);
    let order_now = order.until("CANCELLED");
    assert_eq!(
        order_now["cancelReason"], "RESERVATION_EXPIRED",
        "{order_now:#}"
    );
    order.assert_costs_nothing();
    shop.until_stock(&cup, Stock::at_rest(5, 0));
    shop.assert_in_step(&[&cup]);
}

/// sync-worker is held up, so that the hold ends before the order gets it.
#[test]
fn a_hold_that_ends_before_the_order_has_it_ends_the_order() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 9_000, 5);
    let customer = shop.customer();
    let hold = text(&customer.hold(&[(&cup, 2)], 600).expect(201)["reservationId"]);
    shop.sync.process.pause().unwrap();
    let placed = customer.ask(&[(&cup, 2)], json!({"reservationId": hold}));
    let order = Order::of(customer, &placed.expect(202));
    let path = format!("/api/reservations/{hold}/extend");
    let body = json!({"ttlSeconds": 1});
    let hurried = shop.inventory.http.post(&path, customer.token(), &body);
    hurried.expect(200);
    until("the hold is over", || {
        shop.hold(&hold)["status"] == "EXPIRED"
    });
    shop.sync.process.resume().unwrap();
    order.until_cancelled(&["PLACED"], "RESERVATION_EXPIRED");
    assert_ne!(order.pay("key").status, 200);
    assert_eq!(order.ledger(), (0, 0));
    shop.until_stock(&cup, Stock::at_rest(5, 0));
    shop.assert_in_step(&[&cup]);
}
