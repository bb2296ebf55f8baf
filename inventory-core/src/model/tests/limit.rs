//! How purchase limits count.

use super::*;

fn limited(quantity: u32, window_seconds: Option<u32>) -> Shop {
    let mut shop = Shop::with(&[("a", 99), ("east|a", 99)]);
    shop.count("a", 99, limit_of(quantity, window_seconds));
    shop
}

fn exceeded(outcome: &Outcome<Held>) -> Option<(u64, u64, u64)> {
    match outcome {
        Err(Refusal::PurchaseLimitExceeded(skus)) => {
            let [sku] = skus.as_slice() else {
                panic!("{skus:?}")
            };
            Some((sku.limit, sku.used, sku.requested))
        }
        _ => None,
    }
}

#[test]
fn a_limit_counts_a_customer_over_all_locations() {
    let mut shop = limited(3, None);
    shop.reserve(&hold_for("c", "r1", &[("a", 1), ("east|a", 1)]))
        .unwrap();
    assert_eq!(shop.used("a", "c"), 2);
    let outcome = shop.reserve(&hold_for("c", "r2", &[("east|a", 1), ("a", 1)]));
    assert_eq!(exceeded(&outcome), Some((3, 2, 2)));
    shop.reserve(&hold_for("d", "r2", &[("a", 3)])).unwrap();
    shop.reserve(&hold_for("c", "r3", &[("a", 1)])).unwrap();
}

#[test]
fn an_allowance_comes_back_with_what_is_given_back_but_not_with_a_return() {
    let mut shop = limited(3, None);
    shop.reserve(&hold_for("c", "r", &[("a", 2), ("east|a", 1)]))
        .unwrap();
    shop.confirm(&sold(lines(&[("a", 1)]))).unwrap();
    assert_eq!(shop.used("a", "c"), 1, "the unconfirmed part");
    shop.return_goods("ret", None).unwrap();
    assert_eq!(shop.used("a", "c"), 1, "not by a return");
    shop.reserve(&hold_for("c", "r2", &[("a", 2)])).unwrap();
    assert_eq!(shop.used("a", "c"), 3);
    shop.release(&release("r2")).unwrap();
    assert_eq!(shop.used("a", "c"), 1, "released");
    shop.reserve(&hold_for("c", "r3", &[("a", 2)])).unwrap();
    shop.wait_ms(60_000);
    assert!(exceeded(&shop.reserve(&hold_for("c", "r4", &[("a", 3)]))).is_some());
    assert_eq!(
        (shop.status("r3"), shop.used("a", "c")),
        (Status::Expired, 1),
        "reaped"
    );
}

#[test]
fn a_customers_own_due_hold_does_not_stand_in_the_way() {
    let mut shop = limited(3, None);
    shop.reserve(&hold_for("c", "r1", &[("a", 3)])).unwrap();
    shop.wait_ms(60_000);
    new_hold(shop.reserve(&hold_for("c", "r2", &[("a", 3)])));
    assert_eq!(shop.status("r1"), Status::Expired);
}

#[test]
fn a_reacquired_sale_is_counted_anew_and_never_refused() {
    let mut shop = limited(3, None);
    shop.reserve(&hold_for("c", "r", &[("a", 3)])).unwrap();
    shop.wait_ms(60_000);
    shop.confirm(&confirm("r")).unwrap_err();
    shop.reserve(&hold_for("c", "other", &[("a", 2)])).unwrap();
    shop.confirm(&reacquire()).unwrap();
    assert_eq!(shop.used("a", "c"), 5);
}

#[test]
fn counting_begins_with_the_limit_and_again_with_another_window() {
    let mut shop = Shop::with(&[("a", 99)]);
    shop.reserve(&hold_for("c", "r1", &[("a", 5)])).unwrap();
    shop.count("a", 99, limit_of(3, None));
    assert_eq!(shop.used("a", "c"), 0, "held before there was a limit");
    shop.reserve(&hold_for("c", "r2", &[("a", 3)])).unwrap();
    shop.release(&release("r1")).unwrap();
    assert_eq!(shop.used("a", "c"), 3, "r1 was never counted");
    shop.count("a", 99, limit_of(2, None));
    assert_eq!(
        shop.used("a", "c"),
        3,
        "the quantity alone keeps what was counted"
    );
    assert!(exceeded(&shop.reserve(&hold_for("c", "r3", &[("a", 1)]))).is_some());
    shop.count("a", 99, limit_of(2, Some(60)));
    assert_eq!(shop.used("a", "c"), 0);
    shop.reserve(&hold_for("c", "r4", &[("a", 1)])).unwrap();
    shop.release(&release("r2")).unwrap();
    assert_eq!(
        shop.used("a", "c"),
        1,
        "r2 was counted under the limit before"
    );
    shop.count("a", 99, LimitChange::Remove);
    shop.count("a", 99, limit_of(2, Some(60)));
    assert_eq!(shop.used("a", "c"), 0);
}

#[test]
fn a_window_rolls_in_slices_and_never_early() {
    // A window of 10 s has slices of 10 ms; T0 is the beginning of one.
    let mut shop = limited(3, Some(10));
    shop.wait_ms(7);
    shop.reserve(&hold_for("c", "r1", &[("a", 2)])).unwrap();
    shop.confirm(&confirm("r1")).unwrap();
    shop.wait_ms(5_000);
    shop.reserve(&hold_for("c", "r2", &[("a", 1)])).unwrap();
    shop.wait_ms(4_993 + 9);
    assert_eq!((shop.now.0 - T0, shop.used("a", "c")), (10_009, 3));
    shop.wait_ms(1);
    assert_eq!(shop.used("a", "c"), 1, "10 s after the end of its slice");
    shop.reserve(&hold_for("c", "r3", &[("a", 2)])).unwrap();
    shop.release(&release("r2")).unwrap();
    assert_eq!(
        shop.used("a", "c"),
        2,
        "out of the slice in which it was taken"
    );
}

#[test]
fn a_limit_goes_with_the_last_location() {
    let mut shop = Shop::with(&[("a", 0), ("east|a", 5)]);
    shop.count("a", 0, limit_of(1, None));
    shop.reserve(&hold_for("c", "r", &[("east|a", 1)])).unwrap();
    shop.confirm(&confirm("r")).unwrap();
    shop.retire("a").unwrap();
    assert_eq!(
        shop.model
            .stock(&key("east|a"))
            .unwrap()
            .purchase_limit
            .unwrap()
            .quantity,
        1
    );
    shop.adjust("out", "east|a", -4).unwrap();
    shop.retire("east|a").unwrap();
    assert_eq!(
        shop.count("a", 5, LimitChange::Keep).stock.purchase_limit,
        None
    );
    assert_eq!(shop.used("a", "c"), 0);
}
