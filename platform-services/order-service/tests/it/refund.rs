use std::thread;

use serde_json::{Value, json};

use crate::{
    saga::Ordered,
    support::{SERVICE, Sent, text},
};

fn ask(order: &Ordered, body: &Value) -> test_support::Answer {
    order
        .customer
        .post(&format!("/api/orders/{}/refund", order.id), body)
}

fn items(sku: &str, quantity: u32) -> Value {
    json!({"items": [{"skuId": sku, "quantity": quantity}]})
}

fn refund_ids(order: &Value) -> Vec<String> {
    let refunds = order["refunds"].as_array().unwrap().iter();
    refunds.map(|it| text(it, "refundId").to_owned()).collect()
}

#[test]
fn a_part_then_the_rest() {
    let order = Ordered::sold();
    let asked = ask(
        &order,
        &json!({"items": [{"skuId": "a", "quantity": 1}], "reason": "too small"}),
    );
    let asked = asked.expect(202);
    assert_eq!(asked["status"], "CONFIRMED");
    assert_eq!(asked["items"][0]["refundingQuantity"], 1);
    let refund = &asked["refunds"][0];
    assert_eq!(
        (&refund["status"], &refund["amount"]),
        (&json!("REQUESTED"), &json!(1000))
    );
    let told = Sent::one("order.refund.requested", &order.id);
    assert_eq!(told["data"]["refundId"], refund["refundId"]);
    assert_eq!(told["data"]["refundAmount"], 1000);
    assert_eq!(
        told["data"]["items"],
        json!([{"skuId": "a", "quantity": 1}])
    );
    assert_eq!(told["data"]["reason"], "too small");

    order.paid_back(1000, Some(text(refund, "refundId")));
    let part = order.until("PARTIALLY_REFUNDED");
    assert_eq!(part["refundedAmount"], 1000);
    assert_eq!(part["items"][0]["refundedQuantity"], 1);
    assert_eq!(part["items"][0]["refundingQuantity"], 0);
    assert_eq!(part["refunds"][0]["status"], "DONE");

    // Said again under another id: counted once.
    order.paid_back(1000, Some(text(refund, "refundId")));
    let rest = order
        .customer
        .post_empty(&format!("/api/orders/{}/refund", order.id))
        .expect(202);
    let rest = refund_ids(&rest).pop().unwrap();
    order.paid_back(2000, Some(&rest));
    let whole = order.until("REFUNDED");
    assert_eq!(whole["refundedAmount"], 3000);
    assert_eq!(
        order.customer.timeline(&order.id)[4..],
        ["CONFIRMED", "PARTIALLY_REFUNDED", "REFUNDED"]
    );
    ask(&order, &items("a", 1)).refused(409, "INVALID_ORDER_STATE");
}

#[test]
fn only_what_was_sold_and_only_once() {
    let early = Ordered::new();
    let refused = ask(&early, &json!({})).refused(409, "INVALID_ORDER_STATE");
    assert_eq!(refused["orderStatus"], "PLACED");
    early.completed();
    early.until("PAID");
    ask(&early, &json!({})).refused(409, "INVALID_ORDER_STATE");

    let order = Ordered::sold();
    ask(&order, &items("x", 1)).refused(409, "INVALID_ORDER_STATE");
    ask(&order, &items("a", 3)).refused(409, "INVALID_ORDER_STATE");
    ask(&order, &items("a", 2)).expect(202);
    // Not paid back yet, and asked for all the same.
    ask(&order, &items("a", 1)).refused(409, "INVALID_ORDER_STATE");
    ask(&order, &json!({})).expect(202);
    ask(&order, &json!({})).refused(409, "INVALID_ORDER_STATE");
    ask(&order, &items("a", 0)).refused(400, "INVALID_REQUEST");
    ask(&order, &json!({"items": []})).refused(400, "INVALID_REQUEST");
    ask(&order, &json!({"reason": 1})).refused(400, "INVALID_REQUEST");
    let path = format!("/api/orders/{}/cancel", order.id);
    order
        .customer
        .post_empty(&path)
        .refused(409, "INVALID_ORDER_STATE");
}

#[test]
fn many_at_once_are_exact() {
    let order = Ordered::of(SERVICE.customer(), &[("a", 5), ("b", 5)]).and_sold();
    let path = format!("/api/orders/{}/refund", order.id);
    let answers: Vec<u16> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..16)
            .map(|index| {
                let sku = if index % 2 == 0 { "a" } else { "b" };
                let (order, path) = (&order, &path);
                scope.spawn(move || order.customer.post(path, &items(sku, 1)).status)
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 10);
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 6);
    let asked = Sent::at_least(10, "order.refund.requested", &order.id);
    assert_eq!(asked.len(), 10);
    let total: i64 = asked
        .iter()
        .map(|it| it["data"]["refundAmount"].as_i64().unwrap())
        .sum();
    assert_eq!(total, 10_000);
    for refund in refund_ids(&order.customer.order(&order.id)) {
        order.paid_back(1000, Some(&refund));
    }
    assert_eq!(order.until("REFUNDED")["refundedAmount"], 10_000);
}

#[test]
fn a_key_makes_a_refund_repeatable() {
    let order = Ordered::sold();
    let path = format!("/api/orders/{}/refund", order.id);
    order
        .customer
        .post_with_key(&path, "r", &items("a", 1))
        .expect(202);
    let again = order.customer.post_with_key(&path, "r", &items("a", 1));
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["refunds"].as_array().unwrap().len(), 1);
    order
        .customer
        .post_with_key(&path, "r", &items("a", 2))
        .refused(422, "IDEMPOTENCY_MISMATCH");
}

#[test]
fn money_that_support_pays_back_is_counted() {
    let order = Ordered::sold();
    order.paid_back(500, None);
    assert_eq!(order.until("PARTIALLY_REFUNDED")["refundedAmount"], 500);
    // More than is left cannot be promised.
    let refused = ask(&order, &json!({})).refused(409, "INVALID_ORDER_STATE");
    assert!(text(&refused, "detail").contains("2500"));
    ask(&order, &items("a", 2)).expect(202);
    order.paid_back(500, None);
    crate::support::until("it is counted", || {
        order.customer.order(&order.id)["refundedAmount"] == 1000
    });
}
