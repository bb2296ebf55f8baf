//! What expiry and purging do.

use super::*;

#[test]
fn the_oldest_deadlines_expire_first_ties_by_id() {
    let mut shop = Shop::with(&[("a", 9)]);
    for (id, ttl_ms) in [("z", 10), ("B", 20), ("a", 20), ("open", 31)] {
        shop.reserve(&Reserve {
            ttl_ms,
            ..hold(id, &[("a", 1)])
        })
        .unwrap();
    }
    shop.wait_ms(30);
    let swept = shop.checked(|model, now| model.expire(now, Expire { max: 2 }));
    assert_eq!((swept.expired, swept.remaining, swept.lag_ms), (2, 1, 20));
    assert_eq!(["z", "B"].map(|id| shop.status(id)), [Status::Expired; 2]);
    assert_eq!((shop.figures("a"), shop.version("a")), ((7, 2, 0), 7));
    let swept = shop.checked(|model, now| model.expire(now, Expire { max: 2 }));
    assert_eq!((swept.expired, swept.remaining, swept.lag_ms), (1, 0, 10));
    let swept = shop.checked(|model, now| model.expire(now, Expire { max: 2 }));
    assert_eq!((swept.expired, swept.remaining, swept.lag_ms), (0, 0, 0));
    assert_eq!(shop.status("open"), Status::Reserved);
}

#[test]
fn a_purge_forgets_what_was_closed_long_ago() {
    let mut shop = Shop::with(&[("a", 9)]);
    for id in ["r", "gone", "open"] {
        shop.reserve(&Reserve {
            ttl_ms: 10_000,
            ..hold(id, &[("a", 1)])
        })
        .unwrap();
    }
    shop.release(&release("gone")).unwrap();
    shop.confirm(&confirm("r")).unwrap();
    shop.wait_ms(500);
    shop.return_goods("ret", None).unwrap();
    shop.wait_ms(499);
    assert_eq!(shop.checked(|model, now| model.purge(now, 1_000)), 0);
    shop.wait_ms(1);
    assert_eq!(
        shop.checked(|model, now| model.purge(now, 1_000)),
        2,
        "gone, and the count"
    );
    assert_eq!(
        shop.status("r"),
        Status::Returned,
        "its last change is younger"
    );
    shop.wait_ms(100_000);
    assert_eq!(shop.checked(|model, now| model.purge(now, 1_000)), 1);
    assert_eq!(
        shop.status("open"),
        Status::Reserved,
        "due, but nobody has expired it"
    );
    assert_eq!(shop.model.operations().count(), 0);
    new_hold(shop.reserve(&hold("r", &[("a", 2)])));
}
