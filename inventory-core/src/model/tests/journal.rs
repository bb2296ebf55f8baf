//! How entries are numbered, and that the invariants see damage.

use super::*;

#[test]
fn entries_are_numbered_without_a_gap() {
    let mut shop = Shop::with(&[("a", 5)]);
    assert_eq!(shop.model.journal()[0].id, JournalId { epoch: EPOCH, n: 1 });
    shop.reserve(&hold("r", &[("a", 9)])).unwrap_err();
    shop.reserve(&hold("r", &[("a", 1)])).unwrap();
    shop.reserve(&hold("r", &[("a", 1)])).unwrap();
    assert_eq!(shop.model.reservation(&rid("r")).unwrap().last_change.n, 2);
    assert_eq!(shop.model.next_entry(), JournalId { epoch: EPOCH, n: 3 });
}

#[test]
fn the_invariants_notice_a_figure_that_moved_by_itself() {
    let mut shop = Shop::with(&[("a", 5)]);
    shop.reserve(&hold("r", &[("a", 1)])).unwrap();
    let damages: [fn(&mut crate::model::Figures); 4] = [
        |stock| stock.available += 1,
        |stock| stock.reserved += 1,
        |stock| stock.sold += 1,
        |stock| stock.version += 1,
    ];
    for damage in damages {
        let mut model = shop.model.clone();
        model.stocks.values_mut().for_each(damage);
        assert!(model.check_invariants().is_err());
    }
    let mut model = shop.model.clone();
    model.reservations.clear();
    assert!(model.check_invariants().is_err(), "reserved without a hold");
}
