//! What a reserve does.

use super::*;
use crate::limits::REAP_MAX;

#[test]
fn a_new_hold_moves_units_and_ends_after_its_ttl() {
    let mut shop = Shop::with(&[("a", 5), ("b", 5)]);
    let (created, deadline) = new_hold(shop.reserve(&hold("r", &[("a", 2), ("b", 5)])));
    assert_eq!((created, deadline), (shop.now, shop.now.plus_ms(60_000)));
    assert_eq!(
        (shop.figures("a"), shop.figures("b")),
        ((3, 2, 0), (0, 5, 0))
    );
    assert_eq!((shop.version("a"), shop.version("b")), (2, 2));
    assert_eq!(shop.model.open_deadlines(), [(deadline, rid("r"))]);
}

#[test]
fn a_refused_reserve_names_all_its_grounds_in_the_order_asked() {
    let mut shop = Shop::with(&[("a", 5), ("b", 5), ("c", 5)]);
    let wanted = [("x", 1), ("c", 9), ("a", 1), ("w", 1), ("b", 6)];
    assert_eq!(
        shop.reserve(&hold("r", &wanted)),
        Err(Refusal::UnknownSku(vec![key("x"), key("w")]))
    );
    let wanted = [("c", 9), ("a", 1), ("b", 6)];
    assert_eq!(
        shop.reserve(&hold("r", &wanted)),
        Err(Refusal::InsufficientStock(vec![
            short("c", 9, 5),
            short("b", 6, 5)
        ]))
    );
    assert_eq!(
        shop.model.reservation(&rid("r")),
        None,
        "a refusal is not remembered"
    );
    assert_eq!(shop.model.journal().len(), 3, "nor journaled");
}

#[test]
fn a_limit_is_looked_at_before_the_stock() {
    let mut shop = Shop::with(&[("a", 1), ("b", 1)]);
    shop.count("a", 1, limit_of(1, None));
    shop.count("b", 1, limit_of(1, None));
    let wanted = [("a", 2), ("b", 2)];
    let skus = vec![Sku::parse("a").unwrap(), Sku::parse("b").unwrap()];
    assert_eq!(
        shop.reserve(&hold("r", &wanted)),
        Err(Refusal::CustomerRequired(skus))
    );
    let refusal = shop.reserve(&hold_for("c", "r", &wanted)).unwrap_err();
    assert!(matches!(refusal, Refusal::PurchaseLimitExceeded(limits) if limits.len() == 2));
}

#[test]
fn due_holds_give_way_to_a_new_one_and_all_of_them() {
    let mut shop = Shop::with(&[("a", 2), ("b", 1)]);
    shop.reserve(&hold("h1", &[("a", 1)])).unwrap();
    shop.reserve(&hold("h2", &[("a", 1)])).unwrap();
    shop.reserve(&hold("h3", &[("b", 1)])).unwrap();
    shop.wait_ms(59_999);
    assert_eq!(
        shop.reserve(&hold("r", &[("a", 1)])),
        Err(Refusal::InsufficientStock(vec![short("a", 1, 0)]))
    );
    shop.wait_ms(1);
    new_hold(shop.reserve(&hold("r", &[("a", 1)])));
    assert_eq!(
        ["h1", "h2", "h3"].map(|id| shop.status(id)),
        [Status::Expired; 3]
    );
    assert_eq!(shop.figures("b"), (1, 0, 0));
    let entry = shop.model.journal().last().unwrap();
    let EntryBody::Changes { stocks, changes } = &entry.body else {
        panic!()
    };
    assert_eq!(
        (stocks.len(), changes.len()),
        (2, 4),
        "one entry for the whole call"
    );
}

#[test]
fn a_due_hold_stays_while_there_is_enough() {
    let mut shop = Shop::with(&[("a", 2)]);
    shop.reserve(&hold("h", &[("a", 1)])).unwrap();
    shop.wait_ms(60_000);
    new_hold(shop.reserve(&hold("r", &[("a", 1)])));
    assert_eq!(shop.status("h"), Status::Reserved);
}

#[test]
fn a_refusal_keeps_the_holds_expired_that_it_reaped() {
    let mut shop = Shop::with(&[("a", 2)]);
    shop.reserve(&hold("h", &[("a", 2)])).unwrap();
    shop.wait_ms(60_000);
    assert_eq!(
        shop.reserve(&hold("r", &[("a", 3)])),
        Err(Refusal::InsufficientStock(vec![short("a", 3, 2)]))
    );
    assert_eq!(shop.status("h"), Status::Expired);
}

#[test]
fn more_due_holds_than_one_call_may_expire_ask_for_another() {
    let mut shop = Shop::with(&[("a", 400), ("b", 1)]);
    for n in 0..300 {
        shop.model
            .reserve(shop.now, &hold(&format!("h{n:03}"), &[("a", 1)]))
            .unwrap()
            .unwrap();
    }
    new_hold(shop.reserve(&hold("hb", &[("b", 1)])));
    shop.wait_ms(60_000);
    let wanted = hold("r", &[("b", 1)]);
    shop.checked(|model, now| model.reserve(now, &wanted))
        .unwrap_err();
    assert_eq!(shop.model.open_deadlines().len(), 301 - REAP_MAX);
    assert_eq!(
        (shop.status("h255"), shop.status("h256")),
        (Status::Expired, Status::Reserved)
    );
    new_hold(shop.reserve(&wanted));
}

#[test]
fn a_batch_is_decided_in_order_and_reaps_once() {
    let mut shop = Shop::with(&[("a", 3)]);
    shop.reserve(&hold("h", &[("a", 2)])).unwrap();
    shop.wait_ms(60_000);
    let batch = [
        hold("r1", &[("a", 1)]),
        hold("r2", &[("a", 2)]),
        hold("h", &[("a", 2)]),
        hold("r3", &[("a", 1)]),
        hold("r4", &[("x", 1)]),
    ];
    let replies = shop.checked(|model, now| model.reserve_batch(now, &batch));
    let [r1, r2, h, r3, r4] = replies.try_into().unwrap();
    new_hold(r1.unwrap());
    new_hold(r2.unwrap());
    assert_eq!(repeated(h.unwrap()).status, Status::Expired);
    assert_eq!(
        r3.unwrap(),
        Err(Refusal::InsufficientStock(vec![short("a", 1, 0)]))
    );
    assert_eq!(r4.unwrap(), Err(Refusal::UnknownSku(vec![key("x")])));
    assert_eq!(shop.model.journal().len(), 3, "count, hold, batch");
}

#[test]
fn a_repeat_may_order_its_lines_anew_and_ask_for_another_ttl() {
    let mut shop = Shop::with(&[("a", 5), ("b", 5)]);
    shop.reserve(&hold("r", &[("a", 1), ("b", 2)])).unwrap();
    let before = shop.model.reservation(&rid("r")).cloned().unwrap();
    let again = Reserve {
        ttl_ms: 1,
        metadata: Some(Metadata::from_compact_json("{}").unwrap()),
        ..hold("r", &[("b", 2), ("a", 1)])
    };
    assert_eq!(repeated(shop.reserve(&again)), before);
    for other in [hold("r", &[("a", 1)]), hold("r", &[("a", 2), ("b", 2)])] {
        assert_eq!(shop.reserve(&other), Err(Refusal::IdempotencyMismatch));
    }
    let other = hold_for("c", "r", &[("a", 1), ("b", 2)]);
    assert_eq!(shop.reserve(&other), Err(Refusal::IdempotencyMismatch));
}

#[test]
fn an_open_hold_takes_the_first_order_and_both_contents_are_repeats_then() {
    let mut shop = Shop::with(&[("a", 5)]);
    let first = hold("r", &[("a", 1)]);
    let binding = Reserve {
        order: order("o1"),
        ..hold_for("c", "r", &[("a", 1)])
    };
    shop.reserve(&first).unwrap();
    let bound = repeated(shop.reserve(&binding));
    assert_eq!(
        (&bound.order, &bound.customer),
        (&binding.order, &binding.customer)
    );
    assert_eq!(
        (bound.last_change.n, shop.version("a")),
        (3, 2),
        "journaled; no stock moves"
    );
    for _ in 0..2 {
        assert_eq!(repeated(shop.reserve(&first)), bound);
        assert_eq!(repeated(shop.reserve(&binding)), bound);
        shop.extend(60_000, MAX_HOLD_MS).unwrap();
    }
    for other in [
        Reserve {
            order: order("o2"),
            ..binding.clone()
        },
        Reserve {
            order: None,
            ..binding.clone()
        },
        Reserve {
            customer: None,
            ..binding.clone()
        },
    ] {
        assert_eq!(shop.reserve(&other), Err(Refusal::IdempotencyMismatch));
    }
    shop.confirm(&confirm("r")).unwrap();
    assert_eq!(repeated(shop.reserve(&first)).status, Status::Confirmed);
    assert_eq!(repeated(shop.reserve(&binding)).status, Status::Confirmed);
}

#[test]
fn a_hold_is_not_bound_by_another_customer_other_lines_or_when_closed() {
    let mut shop = Shop::with(&[("a", 5)]);
    shop.reserve(&hold_for("c", "r", &[("a", 1)])).unwrap();
    let binding = Reserve {
        order: order("o"),
        ..hold_for("c", "r", &[("a", 1)])
    };
    for other in [
        Reserve {
            customer: Some(cid("d")),
            ..binding.clone()
        },
        Reserve {
            customer: None,
            ..binding.clone()
        },
        Reserve {
            lines: lines(&[("a", 2)]),
            ..binding.clone()
        },
    ] {
        assert_eq!(shop.reserve(&other), Err(Refusal::IdempotencyMismatch));
    }
    shop.wait_ms(60_000);
    assert_eq!(shop.reserve(&binding), Err(Refusal::IdempotencyMismatch));
    assert_eq!(shop.status("r"), Status::Expired);
}
