//! What a confirmation does.

use super::*;

#[test]
fn a_partial_confirmation_gives_the_rest_back() {
    let mut shop = Shop::with(&[("a", 5), ("b", 5)]);
    shop.reserve(&hold("r", &[("a", 3), ("b", 2)])).unwrap();
    let reservation = shop.confirm(&sold(lines(&[("a", 1)]))).unwrap().value;
    assert_eq!(
        reservation.lines,
        lines(&[("a", 3), ("b", 2)]),
        "what was reserved stays"
    );
    assert_eq!(reservation.confirmed.unwrap().lines, lines(&[("a", 1)]));
    assert_eq!(
        (shop.figures("a"), shop.figures("b")),
        ((4, 0, 1), (5, 0, 0))
    );
    assert_eq!(
        (shop.version("a"), shop.version("b")),
        (3, 3),
        "one step each"
    );
    assert!(shop.confirm(&sold(lines(&[("a", 1)]))).unwrap().replayed);
    assert!(shop.confirm(&confirm("r")).unwrap().replayed);
    assert_eq!(
        shop.confirm(&sold(lines(&[("a", 3)]))),
        Err(Refusal::IdempotencyMismatch)
    );
}

#[test]
fn a_confirmation_stays_within_the_hold() {
    let mut shop = Shop::with(&[("a", 9), ("b", 9), ("c", 9)]);
    shop.reserve(&hold("r", &[("a", 1), ("b", 2)])).unwrap();
    let over = vec![short("c", 1, 0), short("a", 2, 1)];
    assert_eq!(
        shop.confirm(&sold(lines(&[("c", 1), ("b", 2), ("a", 2)]))),
        Err(Refusal::ConfirmExceedsReservation(over))
    );
    assert_eq!(shop.status("r"), Status::Reserved);
}

#[test]
fn a_reacquired_sale_comes_out_of_available() {
    let mut shop = Shop::with(&[("a", 3)]);
    shop.reserve(&hold("r", &[("a", 3)])).unwrap();
    shop.wait_ms(60_000);
    assert_eq!(
        shop.confirm(&confirm("r")),
        Err(Refusal::ReservationExpired)
    );
    shop.reserve(&hold("h", &[("a", 1)])).unwrap();
    let short_now = vec![short("a", 3, 2)];
    assert_eq!(
        shop.confirm(&reacquire()),
        Err(Refusal::InsufficientStock(short_now))
    );
    shop.wait_ms(60_000);
    let reservation = shop.confirm(&reacquire()).unwrap().value;
    assert_eq!(
        shop.figures("a"),
        (0, 0, 3),
        "after the other hold was reaped"
    );
    assert!(reservation.confirmed.unwrap().reacquired);
    assert_eq!(
        reservation.expired_at,
        Some(TimestampMs(T0 + 60_000)),
        "kept"
    );
    assert!(shop.confirm(&confirm("r")).unwrap().replayed);
}

#[test]
fn a_due_hold_is_expired_and_reacquired_in_one_call() {
    let mut shop = Shop::with(&[("a", 3)]);
    shop.reserve(&hold("r", &[("a", 3)])).unwrap();
    shop.wait_ms(60_000);
    shop.confirm(&Confirm {
        lines: Some(lines(&[("a", 1)])),
        ..reacquire()
    })
    .unwrap();
    assert_eq!(
        (shop.figures("a"), shop.version("a")),
        ((2, 0, 1), 4),
        "two changes, two steps"
    );
    assert_eq!(shop.model.journal().len(), 3, "one entry");
}

#[test]
fn a_reacquire_of_a_retired_stock_is_refused() {
    let mut shop = Shop::with(&[("a", 1)]);
    shop.reserve(&hold("r", &[("a", 1)])).unwrap();
    shop.wait_ms(60_000);
    shop.confirm(&confirm("r")).unwrap_err();
    shop.adjust("gone", "a", -1).unwrap();
    shop.retire("a").unwrap();
    assert_eq!(
        shop.confirm(&reacquire()),
        Err(Refusal::UnknownSku(vec![key("a")]))
    );
}
