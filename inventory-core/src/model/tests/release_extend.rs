//! What a release and an extension do.

use super::*;

#[test]
fn a_release_gives_back_and_keeps_its_first_reason() {
    let mut shop = Shop::with(&[("a", 3)]);
    shop.reserve(&hold("r", &[("a", 3)])).unwrap();
    let reason = |text| Some(Text::parse(text).unwrap());
    shop.release(&Release {
        reason: reason("first"),
        ..release("r")
    })
    .unwrap();
    assert_eq!(shop.figures("a"), (3, 0, 0));
    let again = shop
        .release(&Release {
            reason: reason("second"),
            ..release("r")
        })
        .unwrap();
    assert!(again.replayed);
    assert_eq!(again.value.released.unwrap().reason, reason("first"));
}

#[test]
fn a_release_of_a_due_hold_says_once_that_it_expired() {
    let mut shop = Shop::with(&[("a", 3)]);
    shop.reserve(&hold("r", &[("a", 3)])).unwrap();
    shop.wait_ms(60_000);
    let first = shop.release(&release("r")).unwrap();
    assert_eq!(
        (first.value.status, first.replayed),
        (Status::Expired, false)
    );
    let second = shop.release(&release("r")).unwrap();
    assert_eq!(
        (second.value.status, second.replayed),
        (Status::Expired, true)
    );
}

#[test]
fn a_tombstone_refuses_a_late_reserve() {
    let mut shop = Shop::with(&[("a", 3)]);
    let tombstone = shop
        .release(&Release {
            tombstone: true,
            ..release("r")
        })
        .unwrap()
        .value;
    assert!(tombstone.lines.as_slice().is_empty());
    assert_eq!(
        (tombstone.created, tombstone.deadline),
        (shop.now, shop.now)
    );
    assert_eq!(
        shop.reserve(&hold("r", &[("a", 1)])),
        Err(Refusal::ReservationReleased)
    );
}

#[test]
fn an_extension_counts_from_now_within_the_longest_life() {
    let mut shop = Shop::with(&[("a", 3)]);
    shop.reserve(&hold("r", &[("a", 3)])).unwrap();
    shop.wait_ms(30_000);
    let deadline = |outcome: Outcome<Reservation>| outcome.unwrap().value.deadline.0 - T0;
    assert_eq!(deadline(shop.extend(40_000, 100_000)), 70_000);
    assert_eq!(
        deadline(shop.extend(10_000, 100_000)),
        40_000,
        "nearer, too"
    );
    assert_eq!(
        deadline(shop.extend(90_000, 100_000)),
        100_000,
        "the longest life"
    );
    let entries = shop.model.journal().len();
    assert!(!shop.extend(90_000, 100_000).unwrap().replayed);
    assert_eq!(
        shop.model.journal().len(),
        entries,
        "the same deadline is no change"
    );
    assert_eq!(
        deadline(shop.extend(90_000, 30_000)),
        100_000,
        "never in the past"
    );
    assert_eq!(shop.version("a"), 2, "no stock is touched");
}
