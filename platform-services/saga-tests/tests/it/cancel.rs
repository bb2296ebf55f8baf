//! Customers change their minds, also while they pay.

use std::{sync::Barrier, thread, time::Duration};

use crate::support::{Order, Stock, shop, until};

const PENDING: [&str; 3] = ["PLACED", "RESERVED", "PAYMENT_PENDING"];

#[test]
fn before_it_is_paid_an_order_can_be_cancelled() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let order = shop.customer().order_to_pay(&[(&cup, 3)]);
    assert_eq!(order.cancel().expect(202)["status"], "CANCELLED");
    order.assert_timeline(
        &[&PENDING[..], &["CANCELLED"]].concat(),
        Some("USER_REQUEST"),
    );
    order.until_payment("CLOSED");
    order.pay("key").refused(409, "INVALID_PAYMENT_STATE");
    shop.until_stock(&cup, Stock::at_rest(4, 0));
    assert_eq!(order.hold()["status"], "RELEASED");
    assert_eq!(order.ledger(), (0, 0));
    // Once more is no harm.
    assert_eq!(order.cancel().expect(202)["status"], "CANCELLED");
    shop.assert_in_step(&[&cup]);
}

#[test]
fn an_order_cancelled_at_once_leaves_no_hold() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 40);
    let customer = shop.customer();
    // The commands to hold and to release may come in either order.
    let orders: Vec<_> = (0..8)
        .map(|_| {
            let order = customer.order(&[(&cup, 1)]);
            order.cancel().expect(202);
            order
        })
        .collect();
    for order in &orders {
        until("the hold is over", || order.hold()["status"] == "RELEASED");
        assert_eq!(order.read()["cancelReason"], "USER_REQUEST");
        order.assert_costs_nothing();
    }
    shop.until_stock(&cup, Stock::at_rest(40, 0));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn what_is_approved_after_the_order_was_cancelled_is_paid_back() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 4);
    let customer = shop.customer();
    // The one gateway answers late, the other only by its webhook.
    let orders = ["slow-", "lost-"].map(|key| {
        let order = customer.order_to_pay(&[(&cup, 1)]);
        let paying = order.clone();
        let paying = thread::spawn(move || paying.pay(key));
        order.until_payment("UNKNOWN");
        assert_eq!(order.cancel().expect(202)["status"], "CANCELLED");
        (order, paying)
    });
    for (order, paying) in orders {
        paying.join().unwrap();
        order.until_payment("CANCELLED");
        order.until_ledger(order.total, order.total);
        let steps = [&PENDING[..], &["CANCELLED"]].concat();
        order.assert_timeline(&steps, Some("USER_REQUEST"));
    }
    shop.until_stock(&cup, Stock::at_rest(4, 0));
    shop.assert_in_step(&[&cup]);
}

/// Cancels and pays at once, the one `after` the other.
fn race(order: &Order, after: Duration, cancel_first: bool) -> u16 {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let paying = scope.spawn(|| {
            start.wait();
            if cancel_first {
                thread::sleep(after);
            }
            order.pay("key")
        });
        start.wait();
        if !cancel_first {
            thread::sleep(after);
        }
        let cancelled = order.cancel().status;
        paying.join().unwrap();
        cancelled
    })
}

#[test]
fn who_cancels_while_paying_is_charged_for_goods_or_not_at_all() {
    const ROUNDS: u64 = 3;
    /// Further rounds where the machine is so slow that not both have won.
    const ROUNDS_MAX: u64 = 12;
    /// How long the second waits, at first: from a close race to one that is decided.
    const AFTER_MS: [u64; 6] = [0, 10, 30, 90, 270, 810];

    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 1_000, 1_000);
    let customer = shop.customer();
    let (mut all, mut sold, mut refunded) = (0, 0, 0);
    for round in 0..ROUNDS_MAX {
        let both_have_won = sold > 0 && sold + refunded < all;
        if round >= ROUNDS && both_have_won {
            break;
        }
        let raced: Vec<_> = thread::scope(|scope| {
            let racing: Vec<_> = AFTER_MS
                .iter()
                .flat_map(|after_ms| [(*after_ms, true), (*after_ms, false)])
                .map(|(after_ms, cancel_first)| {
                    let cup = &cup;
                    scope.spawn(move || {
                        let order = customer.order_to_pay(&[(cup, 1)]);
                        let after = Duration::from_millis(after_ms * (1 + round / ROUNDS) + round);
                        let status = race(&order, after, cancel_first);
                        (order, status)
                    })
                })
                .collect();
            racing.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for (order, cancelled) in raced {
            all += 1;
            match cancelled {
                202 => {
                    until("nothing is charged", || {
                        let (taken, back) = order.ledger();
                        let status = order.payment()["status"].clone();
                        taken == back && (status == "CLOSED" || status == "CANCELLED")
                    });
                    assert_eq!(order.read()["cancelReason"], "USER_REQUEST");
                    if order.ledger().0 > 0 {
                        refunded += 1;
                    }
                }
                409 => {
                    order.until("CONFIRMED");
                    assert_eq!(order.ledger(), (order.total, 0));
                    sold += 1;
                }
                other => panic!("{other}: {:#}", order.read()),
            }
        }
    }
    assert!(sold > 0 && sold + refunded < all, "both have won");
    println!("{all} races: {sold} sold, {refunded} charged and paid back");
    shop.until_stock(&cup, Stock::at_rest(1_000 - sold, sold));
    shop.assert_in_step(&[&cup]);
}
