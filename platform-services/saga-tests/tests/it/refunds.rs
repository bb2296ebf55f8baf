//! Money and goods come back.

use serde_json::json;

use crate::support::{Stock, shop, until};

#[test]
fn items_are_paid_back_one_after_the_other_and_never_twice() {
    let (shop, _visit) = shop();
    let (cup, pot) = (shop.goods("cup", 9_000, 10), shop.goods("pot", 20_000, 10));
    let order = shop.customer().order_to_pay(&[(&cup, 3), (&pot, 1)]);
    order.refund(&[]).refused(409, "INVALID_ORDER_STATE");
    order.pay("key").expect(200);
    order.until("CONFIRMED");

    order.refund(&[(&cup, 2)]).expect(202);
    order.until("PARTIALLY_REFUNDED");
    assert_eq!(order.read()["refundedAmount"], 18_000);
    assert_eq!(order.ledger(), (47_000, 18_000));
    order.until_payment("PARTIALLY_CANCELLED");
    shop.until_stock(&cup, Stock::at_rest(9, 1));
    // Two of the three are back already.
    order
        .refund(&[(&cup, 2)])
        .refused(409, "INVALID_ORDER_STATE");

    order.refund(&[]).expect(202);
    order.until("REFUNDED");
    order.until_payment("CANCELLED");
    assert_eq!(order.ledger(), (47_000, 47_000));
    shop.until_stock(&cup, Stock::at_rest(10, 0));
    shop.until_stock(&pot, Stock::at_rest(10, 0));
    order.refund(&[]).refused(409, "INVALID_ORDER_STATE");
    let sold = ["PLACED", "RESERVED", "PAYMENT_PENDING", "PAID", "CONFIRMED"];
    let steps = [&sold[..], &["PARTIALLY_REFUNDED", "REFUNDED"]].concat();
    order.assert_timeline(&steps, None);
    assert_eq!(order.hold()["status"], "RETURNED");
    shop.assert_in_step(&[&cup, &pot]);
}

#[test]
fn an_order_is_paid_back_as_a_whole_once() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 10);
    let order = shop.customer().bought(&[(&cup, 3)], "key");
    let asked = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| order.refund(&[]).status))
            .collect();
        asked
            .into_iter()
            .map(|one| one.join().unwrap())
            .filter(|status| *status == 202)
            .count()
    });
    assert_eq!(asked, 1);
    order.until("REFUNDED");
    order.until_payment("CANCELLED");
    assert_eq!(order.ledger(), (order.total, order.total));
    shop.until_stock(&cup, Stock::at_rest(10, 0));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_refund_that_the_gateway_spoils_is_done_once_all_the_same() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 20);
    let customer = shop.customer();
    let keys = [
        "norefund-3-",
        "refund-error-",
        "refund-timeout-before-",
        "refund-timeout-after-",
    ];
    let orders = keys.map(|key| {
        let order = customer.bought(&[(&cup, 2)], key);
        order.refund(&[(&cup, 1)]).expect(202);
        order
    });
    for order in &orders {
        order.until("PARTIALLY_REFUNDED");
        assert_eq!(order.ledger(), (18_000, 9_000));
        order.until_payment("PARTIALLY_CANCELLED");
    }
    let path = format!("/sandbox/ledger?orderId={}", orders[0].id);
    let books = shop.sandbox.http.get(&path, "").expect(200);
    assert_eq!(books["orders"][0]["payments"][0]["cancelCalls"], json!(4));
    shop.until_stock(&cup, Stock::at_rest(16, 4));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_refund_that_is_refused_leaves_the_order_as_it_is() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 10);
    let order = shop.customer().bought(&[(&cup, 1)], "norefund-");
    order.refund(&[]).expect(202);
    until("it was refused, and is tried again", || {
        let path = format!("/sandbox/ledger?orderId={}", order.id);
        let books = shop.sandbox.http.get(&path, "").expect(200);
        books["orders"][0]["payments"][0]["cancelCalls"].as_i64() > Some(1)
    });
    let cancels = order.payment()["cancels"].clone();
    assert_eq!(
        cancels[0]["gatewayCode"], "NOT_CANCELABLE_PAYMENT",
        "{cancels}"
    );
    assert_eq!(order.read()["status"], "CONFIRMED");
    assert_eq!(order.payment()["status"], "APPROVED");
    assert_eq!(order.ledger(), (order.total, 0));
    // The units are asked back already, so nobody can ask for them again.
    order.refund(&[]).refused(409, "INVALID_ORDER_STATE");
    assert_eq!(shop.stock(&cup), Stock::at_rest(9, 1));
    let metrics = shop.payment.http.get("/metrics", "").text;
    let refused = metrics
        .lines()
        .find(|line| line.starts_with("payment_refunds_refused_total"));
    let refused = refused.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    assert!(refused.is_some_and(|count| count > 0.0), "{metrics}");
    shop.assert_in_step(&[&cup]);
}

#[test]
fn support_pays_back_money_without_goods() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 10);
    let order = shop.customer().bought(&[(&cup, 2)], "key");
    let path = format!(
        "/api/payments/{}/cancel",
        order.payment()["paymentId"].as_str().unwrap()
    );
    let body = json!({"cancelAmount": 4_000, "reason": "a scratch"});
    let payments = &shop.payment.http;
    let token = order.customer.token();
    payments.post(&path, token, &body).refused(403, "FORBIDDEN");
    payments.post(&path, &shop.admin, &body).expect(200);
    order.until("PARTIALLY_REFUNDED");
    assert_eq!(order.ledger(), (18_000, 4_000));
    assert_eq!(shop.stock(&cup), Stock::at_rest(8, 2));
    shop.assert_in_step(&[&cup]);
}
