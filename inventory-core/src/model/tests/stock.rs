//! What adjustments, counts and retirements do.

use super::*;
use crate::limits::STOCK_MAX;

#[test]
fn an_adjustment_is_done_once() {
    let mut shop = Shop::with(&[("a", 5)]);
    assert!(!shop.adjust("adj", "a", -2).unwrap().replayed);
    shop.adjust("other", "a", 4).unwrap();
    let again = shop.adjust("adj", "a", -2).unwrap();
    assert_eq!(
        (again.replayed, again.value.available),
        (true, 7),
        "the stock as it is now"
    );
    assert_eq!(
        shop.adjust("adj", "a", 2),
        Err(Refusal::IdempotencyMismatch)
    );
    assert_eq!(
        shop.adjust("adj", "b", -2),
        Err(Refusal::IdempotencyMismatch)
    );
    assert_eq!(
        shop.adjust("new", "b", -2),
        Err(Refusal::UnknownSku(vec![key("b")]))
    );
    assert_eq!(
        shop.count_as(&a_count("adj", "a", 5)),
        Err(Refusal::IdempotencyMismatch),
        "an id belongs to one kind of operation"
    );
    shop.adjust("rest", "a", -7).unwrap();
    shop.retire("a").unwrap();
    assert_eq!(
        shop.adjust("adj", "a", -2),
        Err(Refusal::UnknownSku(vec![key("a")]))
    );
}

#[test]
fn an_adjustment_keeps_available_between_its_limits() {
    let mut shop = Shop::with(&[("a", 5)]);
    shop.reserve(&hold("h", &[("a", 2)])).unwrap();
    let too_few = |available| Err(Refusal::InsufficientStock(vec![short("a", 4, available)]));
    assert_eq!(shop.adjust("adj", "a", -4), too_few(3));
    shop.wait_ms(60_000);
    assert_eq!(
        shop.adjust("adj", "a", -4).unwrap().value.available,
        1,
        "h gave way"
    );
    let most = i64::try_from(STOCK_MAX).unwrap() - 1;
    assert_eq!(
        shop.adjust("most", "a", most + 1),
        Err(Refusal::StockTooLarge)
    );
    shop.adjust("most", "a", most).unwrap();
}

#[test]
fn a_count_sets_on_hand_and_creates() {
    let mut shop = Shop::with(&[]);
    let created = shop.count("a", 5, LimitChange::Keep);
    assert!(created.created);
    assert_eq!((created.stock.available, created.stock.version), (5, 1));
    shop.reserve(&hold("h", &[("a", 2)])).unwrap();
    let counted = shop.count("a", 9, LimitChange::Keep);
    assert!(!counted.created);
    assert_eq!((shop.figures("a"), counted.stock.version), ((7, 2, 0), 3));
    assert_eq!(
        shop.count("a", 9, LimitChange::Keep).stock.version,
        4,
        "a step all the same"
    );
    let below = Err(Refusal::BelowReserved { reserved: 2 });
    assert_eq!(shop.count_as(&a_count("low", "a", 1)), below);
    shop.wait_ms(60_000);
    shop.count_as(&a_count("low", "a", 1)).unwrap();
    assert_eq!(shop.figures("a"), (1, 0, 0));
    assert_eq!(
        shop.count_as(&a_count("most", "a", STOCK_MAX + 1)),
        Err(Refusal::StockTooLarge)
    );
}

#[test]
fn a_count_compares_the_version_and_repeats() {
    let mut shop = Shop::with(&[]);
    let expecting = |version, operation| Count {
        expected_version: Some(version),
        ..a_count(operation, "a", 5)
    };
    let conflict = |current| Err(Refusal::VersionConflict { current });
    assert_eq!(shop.count_as(&expecting(1, "c1")), conflict(0));
    assert!(shop.count_as(&expecting(0, "c2")).unwrap().value.created);
    assert_eq!(shop.count_as(&expecting(0, "c3")), conflict(1));
    assert_eq!(shop.count_as(&expecting(2, "c3")), conflict(1));
    assert!(!shop.count_as(&expecting(1, "c4")).unwrap().replayed);
    let again = shop.count_as(&expecting(0, "c2")).unwrap();
    assert_eq!(
        (
            again.replayed,
            again.value.created,
            again.value.stock.version
        ),
        (true, false, 2)
    );
    assert_eq!(
        shop.count_as(&expecting(1, "c2")),
        Err(Refusal::IdempotencyMismatch)
    );
    let with_limit = Count {
        limit: LimitChange::Remove,
        ..expecting(0, "c2")
    };
    assert_eq!(
        shop.count_as(&with_limit),
        Err(Refusal::IdempotencyMismatch)
    );
    assert_eq!(shop.adjust("c2", "a", 5), Err(Refusal::IdempotencyMismatch));
}

#[test]
fn only_an_empty_stock_retires() {
    let mut shop = Shop::with(&[("a", 2)]);
    shop.reserve(&hold("h", &[("a", 2)])).unwrap();
    assert_eq!(
        shop.retire("a"),
        Err(Refusal::SkuInUse {
            available: 0,
            reserved: 2
        })
    );
    shop.wait_ms(60_000);
    assert_eq!(
        shop.retire("a"),
        Err(Refusal::SkuInUse {
            available: 2,
            reserved: 0
        })
    );
    shop.adjust("out", "a", -2).unwrap();
    shop.retire("a").unwrap();
    assert_eq!(shop.model.stock(&key("a")), None);
    assert_eq!(shop.retire("a"), Err(Refusal::UnknownSku(vec![key("a")])));
    assert_eq!(
        shop.count("a", 1, LimitChange::Keep).stock.version,
        6,
        "goes on from the last version"
    );
}
