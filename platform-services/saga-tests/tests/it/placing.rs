//! The straight way, and its first fork: whether there is enough.

use std::thread;

use serde_json::{Value, json};

use crate::support::{PATIENCE, Stock, shop};

#[test]
fn an_order_is_reserved_paid_and_sold() {
    let (shop, _visit) = shop();
    let (cup, pot) = (shop.goods("cup", 12_000, 10), shop.goods("pot", 30_000, 5));
    let customer = shop.customer();
    let order = customer.order(&[(&cup, 2), (&pot, 1)]);
    assert_eq!(order.total, 54_000);
    order.until_payable();
    let held = Stock {
        available: 8,
        reserved: 2,
        sold: 0,
    };
    assert_eq!(shop.stock(&cup), held);
    assert_eq!(order.ledger(), (0, 0));
    let wrong = json!({"orderId": order.id, "paymentKey": "k", "amount": order.total - 1});
    let payments = &shop.payment.http;
    let refused = payments.post("/api/payments/confirm", customer.token(), &wrong);
    refused.refused(422, "AMOUNT_MISMATCH");

    let paid = order.pay("key").expect(200);
    assert_eq!(paid["status"], "APPROVED");
    let shown = order.until("CONFIRMED");
    let steps = ["PLACED", "RESERVED", "PAYMENT_PENDING", "PAID", "CONFIRMED"];
    order.assert_timeline(&steps, None);
    assert_eq!(shown["paymentId"], paid["paymentId"]);
    assert_eq!(order.payment()["status"], "APPROVED");
    assert_eq!(order.ledger(), (order.total, 0));
    assert_eq!(order.hold()["status"], "CONFIRMED");
    assert_eq!(shop.stock(&cup), Stock::at_rest(8, 2));
    assert_eq!(shop.stock(&pot), Stock::at_rest(4, 1));

    // The same key again is the same payment, and nothing is taken twice.
    let key = paid["paymentKey"].as_str().unwrap();
    assert_eq!(order.pay_as(key).expect(200), order.payment());
    order.pay("other").refused(409, "INVALID_PAYMENT_STATE");
    order.cancel().refused(409, "INVALID_ORDER_STATE");
    assert_eq!(order.ledger(), (order.total, 0));

    // It is nobody else's.
    let other = shop.customer();
    let path = format!("/api/orders/{}", order.id);
    assert_eq!(shop.order.http.get(&path, other.token()).status, 404);
    let path = format!("/api/payments?orderId={}", order.id);
    assert_eq!(payments.get(&path, other.token()).status, 404);
    shop.assert_in_step(&[&cup, &pot]);
}

#[test]
fn a_cart_becomes_an_order() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 7_000, 10);
    let customer = shop.customer();
    let orders = &shop.order.http;
    let body = json!({"skuId": cup, "quantity": 3});
    let added = orders.post("/api/carts/me/items", customer.token(), &body);
    assert!(matches!(added.status, 200 | 201), "{}", added.text);
    let body = json!({"shippingAddressId": "1"});
    let placed = orders.post("/api/carts/me/checkout", customer.token(), &body);
    let order = crate::support::Order::of(customer, &placed.expect(202));
    order.until_payable();
    order.pay("key").expect(200);
    order.until("CONFIRMED");
    assert_eq!(order.ledger(), (21_000, 0));
    assert_eq!(shop.stock(&cup), Stock::at_rest(7, 3));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn without_enough_units_an_order_is_cancelled_and_nothing_is_to_be_paid() {
    let (shop, _visit) = shop();
    let (cup, pot) = (shop.goods("cup", 12_000, 3), shop.goods("pot", 30_000, 5));
    let order = shop.customer().order(&[(&pot, 2), (&cup, 4)]);
    order.until_cancelled(&["PLACED"], "OUT_OF_STOCK");
    let shortages = order.read()["shortages"].clone();
    assert_eq!(shortages.as_array().map(Vec::len), Some(1), "{shortages}");
    let short = &shortages[0];
    assert_eq!(short["skuId"], json!(cup), "{shortages}");
    assert_eq!(
        (&short["requested"], &short["available"]),
        (&json!(4), &json!(3))
    );
    order.assert_no_payment();
    assert_ne!(order.pay("key").status, 200);
    assert_eq!(order.ledger(), (0, 0));
    assert_eq!(shop.stock(&cup), Stock::at_rest(3, 0));
    assert_eq!(shop.stock(&pot), Stock::at_rest(5, 0));
    shop.assert_in_step(&[&cup, &pot]);
}

#[test]
fn the_last_units_go_to_as_many_as_there_are() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 1_000, 3);
    let customer = shop.customer();
    let orders: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..9)
            .map(|_| scope.spawn(|| customer.order(&[(&cup, 1)])))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut held = 0;
    for order in &orders {
        let ended = devstack::wait::until_some(PATIENCE, "held or not", || {
            let order = order.read();
            match order["status"].as_str() {
                Some("PAYMENT_PENDING") => Some(true),
                Some("CANCELLED") => {
                    assert_eq!(order["cancelReason"], "OUT_OF_STOCK");
                    Some(false)
                }
                _ => None,
            }
        });
        if ended.unwrap() {
            held += 1;
            order.until_payable();
            order.pay("key").expect(200);
            order.until("CONFIRMED");
        } else {
            order.assert_no_payment();
        }
    }
    assert_eq!(held, 3);
    assert_eq!(shop.stock(&cup), Stock::at_rest(0, 3));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn what_cannot_be_ordered_is_refused_at_once() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 1_000, 3);
    let customer = shop.customer();
    let unknown = customer.ask(&[("no-such-sku", 1)], Value::Null);
    unknown.refused(422, "UNKNOWN_SKU");
    let elsewhere = customer.ask(&[(&cup, 1)], json!({"shippingAddressId": "2"}));
    elsewhere.refused(422, "UNKNOWN_ADDRESS");
    let orders = &shop.order.http;
    let body = json!({"items": [{"skuId": cup, "quantity": 1}], "shippingAddressId": "1"});
    orders
        .post("/api/orders", "", &body)
        .refused(401, "UNAUTHENTICATED");
    assert_eq!(shop.stock(&cup), Stock::at_rest(3, 0));
}
