//! What a return does.

use super::*;
use crate::limits::RETURNS_MAX;

#[test]
fn returns_come_back_once_each_until_all_are_back() {
    let mut shop = Shop::with(&[("a", 5), ("b", 5)]);
    shop.reserve(&hold("r", &[("a", 3), ("b", 1)])).unwrap();
    shop.confirm(&confirm("r")).unwrap();
    let one = || Some(lines(&[("a", 1)]));
    assert!(!shop.return_goods("ret-1", one()).unwrap().replayed);
    assert!(shop.return_goods("ret-1", one()).unwrap().replayed);
    assert!(shop.return_goods("ret-1", None).unwrap().replayed);
    assert_eq!(
        shop.return_goods("ret-1", Some(lines(&[("a", 2)]))),
        Err(Refusal::IdempotencyMismatch)
    );
    assert_eq!(shop.figures("a"), (3, 0, 2));
    let rest = shop.return_goods("ret-2", None).unwrap().value;
    assert_eq!(rest.returns[1].lines, lines(&[("a", 2), ("b", 1)]));
    assert_eq!(rest.status, Status::Returned);
    assert_eq!(
        (shop.figures("a"), shop.figures("b")),
        ((5, 0, 0), (5, 0, 0))
    );
}

#[test]
fn a_return_stays_within_what_is_out() {
    let mut shop = Shop::with(&[("a", 5), ("b", 5)]);
    shop.reserve(&hold("r", &[("a", 3), ("b", 1)])).unwrap();
    shop.confirm(&sold(lines(&[("a", 2)]))).unwrap();
    assert_eq!(
        shop.return_goods("ret", Some(lines(&[("b", 1), ("a", 3)]))),
        Err(Refusal::ReturnExceedsConfirmed(vec![
            short("b", 1, 0),
            short("a", 3, 2)
        ]))
    );
    shop.return_goods("ret", None).unwrap();
    assert_eq!(
        shop.return_goods("more", None),
        Err(Refusal::ReturnExceedsConfirmed(vec![short("a", 2, 0)]))
    );
}

#[test]
fn a_reservation_sees_a_bounded_number_of_returns() {
    let mut shop = Shop::with(&[("a", 200)]);
    shop.reserve(&hold("r", &[("a", 200)])).unwrap();
    shop.confirm(&confirm("r")).unwrap();
    let one = || Some(lines(&[("a", 1)]));
    for n in 0..RETURNS_MAX {
        shop.return_goods(&format!("ret-{n}"), one()).unwrap();
    }
    assert_eq!(
        shop.return_goods("one-more", one()),
        Err(Refusal::TooManyReturns)
    );
    assert!(shop.return_goods("ret-0", one()).unwrap().replayed);
}

#[test]
fn goods_sold_before_a_retirement_come_back_after_it() {
    let mut shop = Shop::with(&[("a", 5)]);
    shop.reserve(&hold("r", &[("a", 5)])).unwrap();
    shop.confirm(&confirm("r")).unwrap();
    shop.retire("a").unwrap();
    assert_eq!(
        shop.return_goods("ret", None),
        Err(Refusal::UnknownSku(vec![key("a")]))
    );
    shop.count("a", 1, LimitChange::Keep);
    assert_eq!(shop.figures("a"), (1, 0, 5));
    shop.return_goods("ret", None).unwrap();
    assert_eq!((shop.figures("a"), shop.version("a")), ((6, 0, 0), 6));
}
