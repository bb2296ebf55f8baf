//! Holds end by themselves.

use serde_json::json;

use crate::support::{Stock, shop, shop_alone};

const PENDING: [&str; 3] = ["PLACED", "RESERVED", "PAYMENT_PENDING"];

#[test]
fn an_order_whose_hold_ends_unpaid_is_cancelled() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let order = shop.customer().order_to_pay(&[(&cup, 3)]);
    order.hurry_hold();
    order.until_cancelled(&PENDING, "RESERVATION_EXPIRED");
    order.until_payment("CLOSED");
    order.pay("key").refused(409, "INVALID_PAYMENT_STATE");
    assert_eq!(shop.stock(&cup), Stock::at_rest(4, 0));
    assert_eq!(order.hold()["status"], "EXPIRED");
    assert_eq!(order.ledger(), (0, 0));
    shop.assert_in_step(&[&cup]);
}

/// sync-worker is held up, so that nobody hears of the end of the holds before they are paid.
#[test]
fn what_is_paid_after_its_hold_ended_is_sold_if_there_still_is_some_and_else_paid_back() {
    let (shop, _visit) = shop_alone();
    let (cup, pot) = (shop.goods("cup", 9_000, 4), shop.goods("pot", 9_000, 4));
    let customer = shop.customer();
    let lucky = customer.order_to_pay(&[(&cup, 3)]);
    let late = customer.order_to_pay(&[(&pot, 3), (&cup, 1)]);
    shop.sync.process.pause().unwrap();
    for order in [&lucky, &late] {
        order.hurry_hold();
    }
    for order in [&lucky, &late] {
        order.until_hold("EXPIRED");
    }
    // Somebody else takes the goods meanwhile.
    let other = shop.customer();
    let taken = other.hold(&[(&pot, 2)], 600).expect(201);
    for order in [&lucky, &late] {
        assert_eq!(order.pay("key").expect(200)["status"], "APPROVED");
        order.until("PAID");
    }
    shop.sync.process.resume().unwrap();

    lucky.until("CONFIRMED");
    lucky.assert_timeline(&[&PENDING[..], &["PAID", "CONFIRMED"]].concat(), None);
    assert_eq!(lucky.hold()["status"], "CONFIRMED");
    assert_eq!(lucky.ledger(), (lucky.total, 0));

    let steps = [&PENDING[..], &["PAID"]].concat();
    late.until_cancelled(&steps, "STOCK_CONFIRM_FAILED");
    late.until_payment("CANCELLED");
    late.until_ledger(late.total, late.total);
    assert_eq!(late.hold()["status"], "EXPIRED");

    shop.until_stock(&cup, Stock::at_rest(1, 3));
    let held = Stock {
        available: 2,
        reserved: 2,
        sold: 0,
    };
    assert_eq!(shop.stock(&pot), held);
    let id = taken["reservationId"].as_str().unwrap();
    let path = format!("/api/reservations/{id}/release");
    let released = shop.inventory.http.post(&path, other.token(), &json!({}));
    released.expect(200);
    shop.until_stock(&pot, Stock::at_rest(4, 0));
    shop.assert_in_step(&[&cup, &pot]);
}

#[test]
fn a_hold_that_support_released_is_not_sold() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 9_000, 4);
    let customer = shop.customer();
    let told = customer.order_to_pay(&[(&cup, 1)]);
    let paid = customer.order_to_pay(&[(&cup, 2)]);
    let release = |order_id: &str| {
        let path = format!("/api/reservations/order-{order_id}/release");
        let released = shop.inventory.http.post(&path, &shop.service, &json!({}));
        released.expect(200);
    };
    release(&told.id);
    told.until_cancelled(&PENDING, "RESERVATION_RELEASED");
    told.until_payment("CLOSED");

    shop.sync.process.pause().unwrap();
    release(&paid.id);
    paid.pay("key").expect(200);
    paid.until("PAID");
    shop.sync.process.resume().unwrap();
    let steps = [&PENDING[..], &["PAID"]].concat();
    paid.until_cancelled(&steps, "STOCK_CONFIRM_FAILED");
    paid.until_ledger(paid.total, paid.total);
    shop.until_stock(&cup, Stock::at_rest(4, 0));
    shop.assert_in_step(&[&cup]);
}
