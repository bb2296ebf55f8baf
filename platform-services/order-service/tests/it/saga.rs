//! Every transition and every compensation, from the order's side.

use contracts::{inventory, payment};
use serde_json::{Value, json};

use crate::support::{
    Client, SERVICE, Sent, data, envelope, publish, publish_raw, read_dead_letter, text, unique,
};

/// An order, and what others say about it.
pub(crate) struct Ordered {
    pub(crate) customer: Client,
    pub(crate) id: String,
    hold: String,
    total: i64,
}

impl Ordered {
    pub(crate) fn of(customer: Client, items: &[(&str, u32)]) -> Self {
        let order = customer.place(items);
        Self {
            id: text(&order, "orderId").to_owned(),
            hold: text(&order, "reservationId").to_owned(),
            total: order["totalAmount"].as_i64().unwrap(),
            customer,
        }
    }

    pub(crate) fn new() -> Self {
        Self::of(SERVICE.customer(), &[("a", 2), ("b", 1)])
    }

    /// An order that is paid and sold.
    pub(crate) fn sold() -> Self {
        Self::new().and_sold()
    }

    pub(crate) fn and_sold(self) -> Self {
        self.completed();
        self.confirmed();
        self.until("CONFIRMED");
        self
    }

    pub(crate) fn until(&self, status: &str) -> Value {
        self.customer.until_status(&self.id, status)
    }

    fn hold_data(&self) -> Value {
        json!({
            "reservationId": self.hold, "orderId": self.id, "reason": "RESERVATION_RELEASED",
            "items": [{"skuId": "a", "locationId": "default", "quantity": 2}],
            "expiresAt": "2030-01-01T00:00:00.000Z",
        })
    }

    fn payment_data(&self) -> Value {
        json!({
            "paymentId": format!("p-{}", self.id), "orderId": self.id, "amount": self.total,
            "currency": "KRW",
        })
    }

    pub(crate) fn reserved(&self) {
        publish(&envelope(data::<inventory::Reserved>(self.hold_data())));
    }

    pub(crate) fn confirmed(&self) {
        publish(&envelope(data::<inventory::Confirmed>(self.hold_data())));
    }

    pub(crate) fn confirm_failed(&self) {
        publish(&envelope(data::<inventory::ConfirmFailed>(
            self.hold_data(),
        )));
    }

    pub(crate) fn expired(&self) {
        publish(&envelope(data::<inventory::Expired>(self.hold_data())));
    }

    fn released(&self) {
        publish(&envelope(data::<inventory::Released>(self.hold_data())));
    }

    pub(crate) fn created(&self) {
        publish(&envelope(data::<payment::Created>(self.payment_data())));
    }

    pub(crate) fn completed(&self) {
        publish(&envelope(data::<payment::Completed>(self.payment_data())));
    }

    fn failed(&self) {
        let mut failed = self.payment_data();
        failed["reason"] = "REJECT_CARD_COMPANY".into();
        publish(&envelope(data::<payment::Failed>(failed)));
    }

    /// Paid back: `refund` is the refund it answers, if it does.
    pub(crate) fn paid_back(&self, amount: i64, refund: Option<&str>) {
        let mut cancelled = self.payment_data();
        cancelled["cancelledAmount"] = amount.into();
        if let Some(refund) = refund {
            cancelled["refundId"] = refund.into();
        }
        publish(&envelope(data::<payment::Cancelled>(cancelled)));
    }

    /// Cancelled for this reason, and others were told.
    fn until_cancelled(&self, reason: &str) -> Value {
        let order = self.until("CANCELLED");
        assert_eq!(order["cancelReason"], reason, "{order}");
        let last = order["timeline"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&last["status"], &last["reason"]),
            (&json!("CANCELLED"), &json!(reason))
        );
        let told = Sent::one("order.cancelled", &self.id);
        assert_eq!(told["data"]["reason"], reason);
        assert_eq!(told["data"]["reservationId"], self.hold);
        order
    }

    /// Waits until everything said so far was taken note of: a repeat of what is known is counted
    /// behind it on the same partitions.
    fn settled(&self) {
        let event = envelope(data::<inventory::Returned>(self.hold_data()));
        publish(&event);
        let seen = format!(
            "SELECT COUNT(*) FROM order_inbox WHERE event_id = '{}'",
            event.id
        );
        crate::support::until("the last event is handled", || SERVICE.count(&seen) == 1);
    }
}

/// Waits until an event was handled by the shared service.
fn handled(event_id: &str) {
    let seen = format!("SELECT COUNT(*) FROM order_inbox WHERE event_id = '{event_id}'");
    crate::support::until("the event is handled", || SERVICE.count(&seen) == 1);
}

#[test]
fn step_by_step_to_the_end() {
    let order = Ordered::new();
    order.reserved();
    order.until("RESERVED");
    order.created();
    assert_eq!(
        order.until("PAYMENT_PENDING")["paymentId"],
        format!("p-{}", order.id)
    );
    let completed = envelope(data::<payment::Completed>(order.payment_data()));
    publish(&completed);
    order.until("PAID");
    let told = Sent::one("order.confirmed", &order.id);
    assert_eq!(told["causationid"], completed.id);
    assert_eq!(told["data"]["reservationId"], order.hold);
    assert_eq!(
        told["data"]["items"],
        json!([{"skuId": "a", "quantity": 2}, {"skuId": "b", "quantity": 1}])
    );
    // Delivered again: nothing.
    publish(&completed);
    order.confirmed();
    order.until("CONFIRMED");
    let expected = ["PLACED", "RESERVED", "PAYMENT_PENDING", "PAID", "CONFIRMED"];
    assert_eq!(order.customer.timeline(&order.id), expected);
    order.settled();
    assert_eq!(Sent::so_far("order.confirmed", &order.id).len(), 1);
    assert_eq!(Sent::so_far("order.cancelled", &order.id).len(), 0);
}

#[test]
fn what_comes_early_implies_what_was_before() {
    let order = Ordered::new();
    order.completed();
    order.until("PAID");
    order.reserved();
    order.created();
    order.confirmed();
    order.until("CONFIRMED");
    order.settled();
    let expected = ["PLACED", "RESERVED", "PAYMENT_PENDING", "PAID", "CONFIRMED"];
    assert_eq!(order.customer.timeline(&order.id), expected);
}

#[test]
fn out_of_stock() {
    let order = Ordered::new();
    let shortage = json!([{"skuId": "a", "locationId": "default", "requested": 2, "available": 1}]);
    publish(&envelope(data::<inventory::ReservationFailed>(json!({
        "orderId": order.id, "reason": "INSUFFICIENT_STOCK", "shortages": shortage,
    }))));
    let cancelled = order.until_cancelled("OUT_OF_STOCK");
    assert_eq!(cancelled["shortages"], shortage);
    assert_eq!(cancelled["cancelDetail"], "INSUFFICIENT_STOCK");
}

#[test]
fn declined() {
    let order = Ordered::new();
    order.created();
    order.failed();
    let cancelled = order.until_cancelled("PAYMENT_FAILED");
    assert_eq!(cancelled["cancelDetail"], "REJECT_CARD_COMPANY");
}

#[test]
fn the_hold_ends_before_it_is_paid() {
    let expired = Ordered::new();
    expired.reserved();
    expired.expired();
    expired.until_cancelled("RESERVATION_EXPIRED");
    let released = Ordered::new();
    released.released();
    released.until_cancelled("RESERVATION_RELEASED");
}

#[test]
fn a_hold_of_the_customers_that_was_over_before_the_order_came() {
    for reason in ["RESERVATION_EXPIRED", "RESERVATION_RELEASED"] {
        let order = Ordered::new();
        publish(&envelope(data::<inventory::ReservationFailed>(json!({
            "orderId": order.id, "reason": reason, "shortages": [],
        }))));
        let cancelled = order.until_cancelled(reason);
        assert_eq!(cancelled.get("shortages"), None);
        assert_eq!(cancelled.get("cancelDetail"), None);
        assert_eq!(order.customer.timeline(&order.id), ["PLACED", "CANCELLED"]);
    }
}

#[test]
fn the_hold_ends_after_it_was_paid() {
    let order = Ordered::new();
    order.completed();
    order.until("PAID");
    order.expired();
    order.settled();
    assert_eq!(order.customer.order(&order.id)["status"], "PAID");
    order.confirmed();
    order.until("CONFIRMED");

    let gone = Ordered::new();
    gone.completed();
    gone.until("PAID");
    gone.confirm_failed();
    let cancelled = gone.until_cancelled("STOCK_CONFIRM_FAILED");
    assert_eq!(cancelled["cancelDetail"], "RESERVATION_RELEASED");
    // Payment gives it all back.
    gone.paid_back(gone.total, None);
    crate::support::until("the money is back", || {
        gone.customer.order(&gone.id)["refundedAmount"] == gone.total
    });
    assert_eq!(gone.customer.order(&gone.id)["status"], "CANCELLED");
}

#[test]
fn an_approval_comes_to_a_cancelled_order() {
    let order = Ordered::new();
    order
        .customer
        .post_empty(&format!("/api/orders/{}/cancel", order.id))
        .expect(202);
    order.until_cancelled("USER_REQUEST");
    order.reserved();
    order.created();
    let completed = envelope(data::<payment::Completed>(order.payment_data()));
    publish(&completed);
    handled(&completed.id);
    assert_eq!(order.customer.timeline(&order.id), ["PLACED", "CANCELLED"]);
    assert_eq!(Sent::so_far("order.confirmed", &order.id).len(), 0);
    assert!(
        SERVICE.metric(r#"order_events_ignored_total{event="payment.completed",why="too late"}"#)
            >= 1.0
    );
}

#[test]
fn another_amount_goes_back() {
    let order = Ordered::new();
    let mut completed = order.payment_data();
    completed["amount"] = (order.total - 1).into();
    publish(&envelope(data::<payment::Completed>(completed)));
    order.until_cancelled("AMOUNT_MISMATCH");
    let dollars = Ordered::new();
    let mut completed = dollars.payment_data();
    completed["currency"] = "USD".into();
    publish(&envelope(data::<payment::Completed>(completed)));
    dollars.until_cancelled("AMOUNT_MISMATCH");
}

#[test]
fn a_hold_that_is_not_the_orders_changes_nothing() {
    let order = Ordered::new();
    let skipped =
        r#"order_consumer_skipped_total{topic="inventory.expired",reason="another reservation"}"#;
    let before = SERVICE.metric(skipped);
    let mut other = order.hold_data();
    other["reservationId"] = unique("hold").into();
    publish(&envelope(data::<inventory::Expired>(other.clone())));
    crate::support::until("it is counted", || SERVICE.metric(skipped) > before);
    // One without an order, and one of an order that nobody knows.
    other["orderId"] = Value::Null;
    publish(&envelope(data::<inventory::Expired>(other.clone())));
    other["orderId"] = unique("order").into();
    publish(&envelope(data::<inventory::Expired>(other)));
    order.settled();
    assert_eq!(order.customer.order(&order.id)["status"], "PLACED");
}

#[test]
fn sold_by_hand_counts_once_it_is_paid() {
    let order = Ordered::new();
    let confirmed = envelope(data::<inventory::Confirmed>(order.hold_data()));
    publish(&confirmed);
    handled(&confirmed.id);
    assert_eq!(order.customer.order(&order.id)["status"], "PLACED");
    order.completed();
    order.until("CONFIRMED");
    Sent::one("order.confirmed", &order.id);
}

#[test]
fn poison_goes_to_the_dead_letters_and_blocks_nobody() {
    let order = Ordered::new();
    let key = order.id.as_str();
    publish_raw("payment.completed", key, b"{");
    let mut wrong = serde_json::from_slice::<Value>(
        &envelope(data::<payment::Completed>(order.payment_data()))
            .encode()
            .unwrap(),
    )
    .unwrap();
    wrong["data"]["amount"] = "much".into();
    publish_raw("payment.completed", key, wrong.to_string().as_bytes());
    order.completed();
    order.until("PAID");
    let letter = read_dead_letter("payment.completed", key);
    assert_eq!(letter["consumer"], "order");
}
