//! What anybody can make the service remember is forgotten again.

use contracts::EventType;

use crate::support::{WORLD, order::Order, unique, until};

const DAY_MS: i64 = 86_400_000;

fn holds(order: &Order) -> String {
    WORLD.sql(&format!(
        "SELECT COUNT(*) FROM payment_hold WHERE order_id = '{}'",
        order.id
    ))
}

/// An order whose hold was heard of first.
fn held() -> Order {
    let order = Order::new();
    order.send(&order.reserved());
    order
}

fn held_and_placed() -> Order {
    let order = held();
    order.send(&order.placed());
    order.wait("READY");
    order
}

#[test]
fn holds_without_an_order_are_forgotten_and_those_of_live_payments_kept() {
    let (made_up, fresh, renewed) = (held(), held(), held());
    let (ready, paid) = (held_and_placed(), held_and_placed());
    paid.confirm(&unique("k")).expect(200);
    // An order that is known waits for its own hold, and has a stranger's.
    let waiting = Order::new();
    waiting.send(&waiting.reserved_as("r-stranger"));
    waiting.send(&waiting.placed());
    // The one that is to vanish expired last: the others are dealt with before.
    let old = [&ready, &paid, &waiting, &renewed].map(|order| format!("'{}'", order.id));
    WORLD.sql(&format!(
        "UPDATE payment_hold SET expires_ms = expires_ms - \
         IF(order_id = '{}', {}, {}) WHERE order_id IN ('{}', {})",
        made_up.id,
        2 * DAY_MS,
        3 * DAY_MS,
        made_up.id,
        old.join(", ")
    ));
    // Held again, by another hold.
    renewed.send(&renewed.reserved_as(&unique("r")));
    // Any replica sweeps when it starts.
    let (_process, _http) = WORLD.around.deaf(&[]);
    until("the order that is none is forgotten", || {
        made_up.state().is_empty() && holds(&made_up) == "0"
    });
    until("a hold that was paid for is forgotten", || {
        holds(&paid) == "0"
    });
    let kept = [
        (&fresh, "AWAITING"),
        (&renewed, "AWAITING"),
        (&waiting, "AWAITING"),
        (&ready, "READY"),
    ];
    for (order, state) in kept {
        assert_eq!(
            (order.state().as_str(), holds(order).as_str()),
            (state, "1")
        );
    }
    assert_eq!(paid.state(), "APPROVED");
    // Should there be such an order after all, it is as good as any.
    made_up.send(&made_up.placed());
    made_up.send(&made_up.reserved());
    made_up.wait("READY");
    made_up.said(EventType::PaymentCreated, 1);
}

#[test]
fn old_rows_of_the_audit_are_deleted() {
    let (old, young) = (unique("old"), unique("young"));
    WORLD.sql(&format!(
        "INSERT INTO admin_audit (at, actor, action, subject, request_id) VALUES \
         (NOW(3) - INTERVAL 2 DAY, 'admin:a', 'POST /x', '{old}', 'r'), \
         (NOW(3) - INTERVAL 2 HOUR, 'admin:a', 'POST /x', '{young}', 'r')"
    ));
    let rows = |subject: &str| {
        WORLD.sql(&format!(
            "SELECT COUNT(*) FROM admin_audit WHERE subject = '{subject}'"
        ))
    };
    // Any replica looks when it starts.
    let day = ["--admin-audit-retention-seconds=86400"];
    let (_process, _http) = WORLD.around.deaf(&day);
    until("the old row is gone", || rows(&old) == "0");
    assert_eq!(rows(&young), "1");
}
