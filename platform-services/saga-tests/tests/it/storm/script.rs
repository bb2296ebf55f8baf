//! What customers do.

use serde_json::{Value, json};

use super::steady::{eventually, send};
use crate::support::{Answer, Customer, Order, lines, unique};

/// What is sold.
#[derive(Debug)]
pub(super) struct Goods {
    pub(super) cup: String,
    pub(super) pot: String,
    pub(super) rare: String,
}

/// What becomes of an order, as far as its customer and the gateway are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pay,
    Scarce,
    CancelUnpaid,
    CancelWhilePaying,
    Decline,
    PayWithHold,
    TimeoutBefore,
    TimeoutAfter,
    WebhookOnly,
    Slow,
    RefundAll,
    RefundPart,
    HoldExpires,
}

impl Kind {
    pub(super) const ALL: [Self; 13] = [
        Self::Pay,
        Self::Scarce,
        Self::CancelUnpaid,
        Self::CancelWhilePaying,
        Self::Decline,
        Self::PayWithHold,
        Self::TimeoutBefore,
        Self::TimeoutAfter,
        Self::WebhookOnly,
        Self::Slow,
        Self::RefundAll,
        Self::RefundPart,
        Self::HoldExpires,
    ];

    const fn payment_key(self) -> &'static str {
        match self {
            Self::Decline => "decline-",
            Self::TimeoutBefore => "timeout-before-",
            Self::TimeoutAfter => "timeout-after-",
            Self::WebhookOnly => "lost-",
            Self::Slow | Self::CancelWhilePaying => "slow-",
            Self::Pay
            | Self::Scarce
            | Self::CancelUnpaid
            | Self::PayWithHold
            | Self::RefundAll
            | Self::RefundPart
            | Self::HoldExpires => "key-",
        }
    }
}

/// Plays it; what is left is for the shop to do.
pub(super) fn play(
    customer: Customer<'static>,
    goods: &Goods,
    kind: Kind,
    placed: impl FnOnce(),
) -> Order {
    let items: &[(&str, u32)] = if kind == Kind::Scarce {
        &[(&goods.rare, 1)]
    } else {
        &[(&goods.cup, 2), (&goods.pot, 1)]
    };
    let order = place(customer, items, kind);
    placed();
    if kind == Kind::HoldExpires || !is_payable(&order) {
        return order;
    }
    if kind == Kind::CancelUnpaid {
        cancel(&order);
        return order;
    }
    if kind == Kind::CancelWhilePaying {
        std::thread::scope(|scope| {
            scope.spawn(|| pay(&order, kind));
            eventually("paying has begun", || {
                (order.glance_payment()? != "READY").then_some(())
            });
            cancel(&order);
        });
        return order;
    }
    pay(&order, kind);
    let refunded: &[(&str, u32)] = if kind == Kind::RefundAll {
        &[(&goods.cup, 2), (&goods.pot, 1)]
    } else if kind == Kind::RefundPart {
        &[(&goods.cup, 1)]
    } else {
        return order;
    };
    let ended = eventually("it is sold, or not", || {
        order.glance().filter(|status| is_over(status))
    });
    if ended == "CONFIRMED" {
        let path = format!("/api/orders/{}/refund", order.id);
        let body = json!({"items": lines(refunded)});
        let asked = order_call(&order, &path, Some(&body));
        assert!(matches!(asked.status, 200 | 202), "{}", asked.text);
    }
    order
}

pub(super) fn is_over(status: &str) -> bool {
    matches!(
        status,
        "CONFIRMED" | "CANCELLED" | "PARTIALLY_REFUNDED" | "REFUNDED"
    )
}

fn place(customer: Customer<'static>, items: &[(&str, u32)], kind: Kind) -> Order {
    let mut body = json!({"items": lines(items), "shippingAddressId": "1"});
    let ttl_seconds = if kind == Kind::PayWithHold {
        Some(600)
    } else if kind == Kind::HoldExpires {
        // It may end at any moment, also before the order gets it.
        Some(5)
    } else {
        None
    };
    if let Some(ttl_seconds) = ttl_seconds {
        let id = unique("r");
        let hold = json!({"reservationId": id, "items": lines(items), "ttlSeconds": ttl_seconds});
        let route = ("POST", "/api/reservations");
        let held = send(
            &customer.shop.inventory.http,
            route,
            customer.token(),
            Some(&hold),
            "",
        );
        assert!(matches!(held.status, 200 | 201), "{}", held.text);
        body["reservationId"] = id.into();
    }
    let key = unique("place");
    let orders = &customer.shop.order.http;
    let answer = send(
        orders,
        ("POST", "/api/orders"),
        customer.token(),
        Some(&body),
        &key,
    );
    if answer.body["code"] == "RESERVATION_MISMATCH" && kind == Kind::HoldExpires {
        // Too late for its hold: the next try is in time.
        return place(customer, items, kind);
    }
    assert!(matches!(answer.status, 200 | 202), "{}", answer.text);
    Order::of(customer, &answer.body)
}

/// Waits until it can be paid; `false` when it was cancelled.
fn is_payable(order: &Order) -> bool {
    eventually("it can be paid, or is over", || {
        if order.glance()? == "CANCELLED" {
            return Some(false);
        }
        (order.glance_payment()? == "READY").then_some(true)
    })
}

fn pay(order: &Order, kind: Kind) {
    let key = unique(kind.payment_key());
    let body = json!({"orderId": order.id, "paymentKey": key, "amount": order.total});
    let payments = &order.customer.shop.payment.http;
    let route = ("POST", "/api/payments/confirm");
    let paid = send(payments, route, order.customer.token(), Some(&body), "");
    let fits = match paid.status {
        200 | 202 => true,
        402 => kind == Kind::Decline,
        // The answer to the first try was lost, or the order was cancelled.
        409 => paid.body["code"] == "INVALID_PAYMENT_STATE",
        _ => false,
    };
    assert!(fits, "{kind:?}: {} {}", paid.status, paid.text);
}

fn cancel(order: &Order) {
    let path = format!("/api/orders/{}/cancel", order.id);
    let cancelled = order_call(order, &path, None);
    assert!(
        matches!(cancelled.status, 200 | 202 | 409),
        "{}",
        cancelled.text
    );
}

fn order_call(order: &Order, path: &str, body: Option<&Value>) -> Answer {
    let orders = &order.customer.shop.order.http;
    let key = unique("call");
    send(orders, ("POST", path), order.customer.token(), body, &key)
}
