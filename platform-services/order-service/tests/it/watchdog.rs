use serde_json::json;

use crate::{
    saga::Ordered,
    support::{NEIGHBOURS, RUNTIME, Sent, Service, text, until},
};

const SOON: [&str; 6] = [
    "--watchdog-period-ms=20",
    "--placed-deadline-ms=200",
    "--reserved-deadline-ms=200",
    "--payment-deadline-ms=200",
    "--paid-deadline-ms=200",
    "--refund-deadline-ms=200",
];

fn order_on(service: &Service) -> Ordered {
    Ordered::of(service.customer(), &[("a", 2), ("b", 1)])
}

fn set_hold(order: &Ordered, status: &str) {
    let id = text(&order.customer.order(&order.id), "reservationId").to_owned();
    let items = json!([{"skuId": "a", "locationId": "default", "quantity": 2}]);
    let hold = json!({"reservationId": id, "orderId": order.id, "status": status, "items": items});
    NEIGHBOURS.set_hold(&id, hold);
}

#[test]
fn commands_are_said_again_and_stuck_orders_counted() {
    let service = Service::start(&SOON);
    let order = order_on(&service);
    let placed = Sent::at_least(3, "order.placed", &order.id);
    assert_eq!(placed[0]["data"], placed[1]["data"]);
    until("it is counted", || {
        service.metric(r#"order_stuck_orders{step="PLACED"}"#) >= 1.0
    });
    order.completed();
    order.until("PAID");
    let confirmed = Sent::at_least(2, "order.confirmed", &order.id);
    assert_eq!(confirmed[0]["data"], confirmed[1]["data"]);
    assert_eq!(Sent::so_far("order.cancelled", &order.id).len(), 0);
    order.confirmed();
    order.until("CONFIRMED");
    order
        .customer
        .post_empty(&format!("/api/orders/{}/refund", order.id))
        .expect(202);
    let refund = Sent::at_least(3, "order.refund.requested", &order.id);
    assert_eq!(refund[0]["data"], refund[1]["data"]);
    order.paid_back(3000, Some(text(&refund[0]["data"], "refundId")));
    order.until("REFUNDED");
    until("nothing is stuck", || {
        service.count("SELECT COUNT(*) FROM orders WHERE check_at_ms IS NOT NULL") == 0
    });
}

#[test]
fn an_answer_that_was_lost_is_asked_for() {
    let service = Service::start(&SOON);
    let order = order_on(&service);
    set_hold(&order, "RESERVED");
    order.until("RESERVED");
    order.completed();
    order.until("PAID");
    set_hold(&order, "CONFIRMED");
    order.until("CONFIRMED");
    let lost = order_on(&service);
    set_hold(&lost, "EXPIRED");
    let cancelled = lost.until("CANCELLED");
    assert_eq!(cancelled["cancelReason"], "RESERVATION_EXPIRED");
    Sent::one("order.cancelled", &lost.id);
}

/// Two replicas, and many orders that nobody answers: each is given up once, those that are paid
/// never.
#[test]
fn what_is_not_paid_in_time_is_given_up_once() {
    // Paid before anybody is there who gives up, however long that takes.
    let patient = Service::start(&SOON);
    let paid = order_on(&patient);
    paid.completed();
    paid.until("PAID");
    let flags = [&SOON[..], &["--unpaid-max-ms=1000"]].concat();
    let _one = Service::on(&patient.database_url, &flags);
    let two = Service::on(&patient.database_url, &flags);
    let orders: Vec<Ordered> = (0..20).map(|_| order_on(&two)).collect();
    for order in &orders {
        let cancelled = order.until("CANCELLED");
        assert_eq!(cancelled["cancelReason"], "TIMED_OUT");
        Sent::one("order.cancelled", &order.id);
    }
    assert_eq!(paid.until("PAID")["status"], "PAID");
}

#[test]
fn old_rows_of_the_audit_are_deleted() {
    let first = Service::start(&[]);
    let rows = "INSERT INTO admin_audit (at, actor, action, subject, request_id) VALUES
        (NOW(3) - INTERVAL 2 DAY, 'admin:a', 'POST /x', 'order:1', 'r'),
        (NOW(3) - INTERVAL 2 HOUR, 'admin:a', 'POST /x', 'order:2', 'r')";
    let inserting = sqlx::query(rows).execute(&first.pool);
    RUNTIME.block_on(inserting).unwrap();
    // Any replica looks when it starts.
    let day = ["--admin-audit-retention-seconds=86400"];
    let second = Service::on(&first.database_url, &day);
    until("the old row is gone", || {
        second.count("SELECT COUNT(*) FROM admin_audit WHERE subject = 'order:1'") == 0
    });
    assert_eq!(second.count("SELECT COUNT(*) FROM admin_audit"), 1);
}
