//! What the gateway may do to a payment.

use serde_json::json;

use crate::support::{Stock, shop, unique, until};

const PENDING: [&str; 3] = ["PLACED", "RESERVED", "PAYMENT_PENDING"];
const SOLD: [&str; 5] = ["PLACED", "RESERVED", "PAYMENT_PENDING", "PAID", "CONFIRMED"];

#[test]
fn a_declined_payment_cancels_the_order_and_frees_the_goods() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let order = shop.customer().order_to_pay(&[(&cup, 3)]);
    let declined = order.pay("decline-").refused(402, "PAYMENT_DECLINED");
    assert_eq!(declined["gatewayCode"], "REJECT_CARD_PAYMENT");
    order.until_cancelled(&PENDING, "PAYMENT_FAILED");
    assert_eq!(order.payment()["status"], "FAILED");
    order.pay("key").refused(409, "INVALID_PAYMENT_STATE");
    shop.until_stock(&cup, Stock::at_rest(4, 0));
    assert_eq!(order.hold()["status"], "RELEASED");
    assert_eq!(order.ledger(), (0, 0));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_gateway_that_failed_before_it_took_the_money_cancels_the_order() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let customer = shop.customer();
    let orders = ["timeout-before-", "error-"].map(|key| {
        let order = customer.order_to_pay(&[(&cup, 1)]);
        let unknown = order.pay(key).expect(202);
        assert_eq!(unknown["status"], "UNKNOWN");
        order
    });
    for order in orders {
        order.until_cancelled(&PENDING, "PAYMENT_FAILED");
        assert_eq!(order.payment()["status"], "FAILED");
        assert_eq!(order.ledger(), (0, 0));
    }
    shop.until_stock(&cup, Stock::at_rest(4, 0));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_gateway_whose_answer_was_lost_is_asked_until_it_is_known() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let order = shop.customer().order_to_pay(&[(&cup, 1)]);
    let key = unique("timeout-after-");
    assert_eq!(order.pay_as(&key).expect(202)["status"], "UNKNOWN");
    order.until("CONFIRMED");
    order.assert_timeline(&SOLD, None);
    assert_eq!(order.pay_as(&key).expect(200)["status"], "APPROVED");
    assert_eq!(order.ledger(), (order.total, 0));
    assert_eq!(shop.stock(&cup), Stock::at_rest(3, 1));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn an_approval_that_only_the_webhook_tells_of_is_one() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let order = shop.customer().order_to_pay(&[(&cup, 1)]);
    assert_eq!(order.pay("lost-").expect(202)["status"], "UNKNOWN");
    order.until("CONFIRMED");
    order.assert_timeline(&SOLD, None);
    assert_eq!(order.ledger(), (order.total, 0));
    assert_eq!(shop.stock(&cup), Stock::at_rest(3, 1));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_webhook_that_comes_again_changes_nothing_and_a_forged_one_neither() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let customer = shop.customer();
    let webhook = |order_id: &str, key: &str| {
        let body = json!({"eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": "2026-01-01T00:00:00.000000",
            "data": {"paymentKey": key, "orderId": order_id, "status": "DONE"}});
        let told = shop.payment.http.post("/api/payments/webhook", "", &body);
        assert!(told.status < 300, "{}", told.text);
    };
    let order = customer.order_to_pay(&[(&cup, 1)]);
    let forged = customer.order_to_pay(&[(&cup, 1)]);
    webhook(&forged.id, "no-such-key");
    let key = unique("dup-");
    order.pay_as(&key).expect(200);
    order.until("CONFIRMED");
    webhook(&order.id, &key);
    webhook(&order.id, &key);
    // Queries that webhooks cause have a pause between them; the second of those is behind us then.
    let refused = forged.pay("decline-").refused(402, "PAYMENT_DECLINED");
    assert_eq!(refused["status"], 402);
    forged.until_cancelled(&PENDING, "PAYMENT_FAILED");
    order.assert_timeline(&SOLD, None);
    assert_eq!(order.payment()["status"], "APPROVED");
    assert_eq!(order.ledger(), (order.total, 0));
    assert_eq!(forged.ledger(), (0, 0));
    shop.until_stock(&cup, Stock::at_rest(3, 1));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn while_the_outcome_is_unknown_the_hold_is_extended() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let customer = shop.customer();
    let hold = customer.hold(&[(&cup, 1)], 30).expect(201);
    let id = hold["reservationId"].as_str().unwrap();
    let placed = customer.ask(&[(&cup, 1)], json!({"reservationId": id}));
    let order = crate::support::Order::of(customer, &placed.expect(202));
    order.until_payable();
    assert_eq!(order.pay("lost-").expect(202)["status"], "UNKNOWN");
    until("the hold is extended", || {
        // RFC 3339 in UTC sorts by time.
        shop.hold(id)["expiresAt"].as_str() > hold["expiresAt"].as_str()
    });
    order.until("CONFIRMED");
    assert_eq!(order.ledger(), (order.total, 0));
    assert_eq!(shop.stock(&cup), Stock::at_rest(3, 1));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn a_slow_gateway_is_waited_for() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let order = shop.customer().order_to_pay(&[(&cup, 1)]);
    let paid = order.pay("slow-");
    assert!(matches!(paid.status, 200 | 202), "{}", paid.text);
    order.until("CONFIRMED");
    assert_eq!(order.ledger(), (order.total, 0));
    shop.assert_in_step(&[&cup]);
}
