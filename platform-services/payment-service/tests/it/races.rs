//! A customer who pays and cancels at once: never charged and cancelled.

use std::{sync::Barrier, thread};

use crate::support::{
    WORLD,
    order::{Order, send},
    unique, until,
};

#[test]
fn whoever_wins_nobody_pays_for_a_cancelled_order() {
    let prefixes = [
        "k",
        "slow",
        "timeout-after",
        "timeout-before",
        "decline",
        "lost",
    ];
    let orders: Vec<(Order, &str)> = (0..24)
        .map(|n| (Order::ready(), prefixes[n % prefixes.len()]))
        .collect();
    let gate = Barrier::new(2 * orders.len());
    thread::scope(|scope| {
        for (order, prefix) in &orders {
            let gate = &gate;
            scope.spawn(move || {
                gate.wait();
                order.confirm(&unique(prefix));
            });
            scope.spawn(move || {
                let cancelled = order.cancelled();
                gate.wait();
                send(&cancelled);
            });
        }
    });
    for (order, prefix) in &orders {
        until(&format!("{prefix} comes to its end"), || {
            matches!(order.state().as_str(), "CLOSED" | "FAILED" | "CANCELLED")
        });
        let (taken, back) = WORLD.books(&order.id);
        assert_eq!(taken, back, "{prefix} {}", order.state());
        assert_eq!(taken > 0, order.state() == "CANCELLED", "{prefix}");
    }
}
