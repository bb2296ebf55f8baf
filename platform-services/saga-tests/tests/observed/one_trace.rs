//! An order is one trace, from the customer's request to what the last service made of it.

use std::collections::HashSet;

use serde_json::json;

use crate::{
    collector::{Collector, Seen},
    shop::observed,
    support::{Order, lines, text, unique},
};

const RESERVATION: &str = "GET /api/reservations/{reservationId}";

/// Waits for the trace of a request until it has these spans and no other is missing; the root first.
#[track_caller]
fn trace_of(collector: &Collector, request_id: &str, wanted: &[(&str, &str, &str)]) -> Vec<Seen> {
    let mut trace = Vec::new();
    let mut missing = Vec::new();
    let whole = devstack::wait::until(crate::support::PATIENCE, "the whole trace", || {
        // Calls carry the id of the request that they are made for: the root has no parent.
        let root = |it: &Seen| it.request_id == request_id && it.parent.is_empty();
        let roots = collector.spans(root);
        assert!(roots.len() < 2, "{roots:#?}");
        let Some(root) = roots.into_iter().next() else {
            return false;
        };
        trace = collector.spans(|it| it.trace_id == root.trace_id);
        trace.sort_by_key(|span| !span.parent.is_empty());
        let ids: HashSet<_> = trace.iter().map(|span| &span.id).collect();
        let is_there = |(service, name, what): &&(&str, &str, &str)| {
            trace
                .iter()
                .any(|it| it.service == *service && it.name == *name && it.what == *what)
        };
        let all_there = wanted.iter().all(|it| is_there(&it));
        missing = wanted.iter().filter(|it| !is_there(it)).collect();
        // One root; every other span's parent is here.
        all_there && trace.iter().skip(1).all(|it| ids.contains(&it.parent))
    });
    whole.unwrap_or_else(|error| panic!("{error}: without {missing:#?} {trace:#?}"));
    trace
}

#[test]
fn an_order_is_one_trace_through_every_service() {
    let (shop, collector) = observed();
    let cup = shop.goods("cup", 7_000, 10);
    let customer = shop.customer();
    let items = [(cup.as_str(), 2)];
    // One that brings its hold: order-service looks at it over HTTP.
    let hold = customer.hold(&items, 600).expect(201);
    let body = json!({"items": lines(&items), "shippingAddressId": "1",
        "reservationId": hold["reservationId"]});
    let request_id = unique("place");
    let headers = [("x-request-id", request_id.as_str())];
    let orders = &shop.order.http;
    let placed = orders.send(
        "POST",
        "/api/orders",
        customer.token(),
        Some(&body.to_string()),
        &headers,
    );
    let order = Order::of(customer, &placed.unwrap().expect(202));
    order.until_payable();

    let trace = trace_of(
        collector,
        &request_id,
        &[
            ("order-service", "request", "POST /api/orders"),
            ("catalog-service", "request", "POST /internal/skus/resolve"),
            (
                "user-service",
                "request",
                "GET /internal/users/{user_id}/addresses/{address_id}",
            ),
            ("inventory-server", "request", RESERVATION),
            ("order-service", "step", "publish"),
            ("sync-worker", "event", "order.placed"),
            ("sync-worker", "step", "project"),
            ("sync-worker", "step", "publish"),
            ("payment-service", "event", "order.placed"),
            ("payment-service", "event", "inventory.reserved"),
            ("payment-service", "step", "publish"),
            ("order-service", "event", "inventory.reserved"),
            ("order-service", "event", "payment.created"),
        ],
    );
    let root = &trace[0];
    assert_eq!(
        (root.service.as_str(), root.what.as_str()),
        ("order-service", "POST /api/orders")
    );
    assert_eq!(root.correlation_id, order.id);
    for event in trace.iter().filter(|span| span.name == "event") {
        assert_eq!(event.correlation_id, order.id, "{event:?}");
    }
    let spans: HashSet<_> = trace.iter().map(|span| &span.id).collect();
    assert_eq!(spans.len(), trace.len(), "a span came twice");

    // The payment is another request, hence another trace; the order's id is in both.
    let request_id = unique("pay");
    let headers = [("x-request-id", request_id.as_str())];
    let body = json!({"orderId": order.id, "paymentKey": unique("key"), "amount": order.total});
    let payments = &shop.payment.http;
    let paid = payments.send(
        "POST",
        "/api/payments/confirm",
        customer.token(),
        Some(&body.to_string()),
        &headers,
    );
    assert_eq!(text(&paid.unwrap().expect(200)["status"]), "APPROVED");
    order.until("CONFIRMED");
    let trace = trace_of(
        collector,
        &request_id,
        &[
            ("payment-service", "request", "POST /api/payments/confirm"),
            ("order-service", "event", "payment.completed"),
            ("sync-worker", "event", "order.confirmed"),
            ("sync-worker", "step", "project"),
            ("order-service", "event", "inventory.confirmed"),
        ],
    );
    assert_eq!(trace[0].correlation_id, order.id);
}
