//! Purchase limits: what counts, what is given back, and under which limit.

use std::time::Duration;

use inventory_core::*;

use crate::{ledger::check_books, support::*};

fn limit(operation: &str, stock: &str, on_hand: u64, limit: LimitChange) -> Count {
    Count {
        limit,
        ..count(operation, stock, on_hand)
    }
}

fn per_customer(quantity: u32, window_seconds: Option<u32>) -> LimitChange {
    LimitChange::Set(PurchaseLimit::new(quantity, window_seconds).unwrap())
}

/// A stock of 100 of `sku-1` with a limit.
async fn limited(quantity: u32, window_seconds: Option<u32>) -> Store {
    let store = store().await;
    let first = limit(
        "first",
        "sku-1",
        100,
        per_customer(quantity, window_seconds),
    );
    store.count(&first).await.unwrap();
    store
}

impl Store {
    /// Asks for `quantity` more of `sku-1`: held, or what the customer is told to have used.
    async fn take(&self, id: &str, customer: &str, quantity: u32) -> Result<(), u64> {
        let command = reserve_for(id, customer, &[("sku-1", quantity)]);
        match self.hold(&command).await {
            Ok(_) => Ok(()),
            Err(Refusal::PurchaseLimitExceeded(exceeded)) => {
                assert_eq!(exceeded.len(), 1);
                assert_eq!(exceeded[0].requested, u64::from(quantity));
                Err(exceeded[0].used)
            }
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    fn counters(&self) -> Vec<String> {
        let names = names(&self.redis).into_iter();
        names.filter(|name| name.contains(":used:")).collect()
    }
}

#[tokio::test]
async fn a_customer_takes_as_much_as_the_limit_and_no_more() {
    let store = limited(5, None).await;
    assert_eq!(store.take("r-1", "ann", 3).await, Ok(()));
    assert_eq!(store.take("r-2", "ann", 3).await, Err(3));
    assert_eq!(store.take("r-2", "ann", 2).await, Ok(()));
    assert_eq!(store.take("r-3", "ann", 1).await, Err(5));
    assert_eq!(store.take("r-3", "bob", 5).await, Ok(()));
    // A repeat does not count again.
    assert_eq!(store.take("r-1", "ann", 3).await, Ok(()));
    assert_eq!(store.figures("sku-1").await, (90, 10, 0));
    check_books(&store).await;
}

#[tokio::test]
async fn a_customer_must_be_named_where_there_is_a_limit() {
    let store = limited(5, None).await;
    store.put("free", 10).await;
    let nobody = store.reserve("r", &[("free", 1), ("sku-1", 1)]).await;
    assert_eq!(nobody, Err(Refusal::CustomerRequired(vec![sku("sku-1")])));
    store.reserve("r", &[("free", 1)]).await.unwrap();
}

#[tokio::test]
async fn locations_count_together() {
    let store = limited(5, None).await;
    store.put("west|sku-1", 100).await;
    let both = reserve_for("r-1", "ann", &[("sku-1", 3), ("west|sku-1", 3)]);
    let exceeded = LimitExceeded {
        sku: sku("sku-1"),
        limit: 5,
        used: 0,
        requested: 6,
    };
    assert_eq!(
        store.hold(&both).await,
        Err(Refusal::PurchaseLimitExceeded(vec![exceeded]))
    );
    let west = reserve_for("r-1", "ann", &[("west|sku-1", 4)]);
    store.hold(&west).await.unwrap();
    assert_eq!(store.take("r-2", "ann", 2).await, Err(4));
    let both = reserve_for("r-2", "bob", &[("sku-1", 2), ("west|sku-1", 3)]);
    store.hold(&both).await.unwrap();
    // Each line gives its part back.
    let part = Confirm {
        lines: Some(lines(&[("sku-1", 2)])),
        ..confirm("r-2")
    };
    store.confirm(&part).await.unwrap();
    assert_eq!(store.take("r-3", "bob", 4).await, Err(2));
    assert_eq!(store.take("r-3", "bob", 3).await, Ok(()));
    let stock = store.stock("west|sku-1").await.unwrap();
    assert_eq!(stock.purchase_limit, PurchaseLimit::new(5, None).ok());
    check_books(&store).await;
}

#[tokio::test]
async fn reservations_of_one_batch_count_against_each_other() {
    let store = limited(5, None).await;
    let batch = [
        reserve_for("r-1", "ann", &[("sku-1", 3)]),
        reserve_for("r-2", "ann", &[("sku-1", 3)]),
        reserve_for("r-3", "ann", &[("sku-1", 2)]),
    ];
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    let held: Vec<_> = answers.into_iter().map(|a| a.unwrap().is_ok()).collect();
    assert_eq!(held, [true, false, true]);
}

#[tokio::test]
async fn release_expiry_and_the_unsold_part_give_back_and_a_return_does_not() {
    let store = limited(4, None).await;
    store.take("r-1", "ann", 4).await.unwrap();
    store.release(&release("r-1")).await.unwrap();
    let brief = Reserve {
        ttl_ms: 100,
        ..reserve_for("r-2", "ann", &[("sku-1", 4)])
    };
    store.hold(&brief).await.unwrap();
    store.clock.advance_ms(100);
    assert_eq!(store.sweep().await.expired, 1);
    store.take("r-3", "ann", 4).await.unwrap();
    let part = Confirm {
        lines: Some(lines(&[("sku-1", 3)])),
        ..confirm("r-3")
    };
    store.confirm(&part).await.unwrap();
    assert_eq!(store.take("r-4", "ann", 2).await, Err(3));
    store.give_back(&give_back("r-3", "t", &[])).await.unwrap();
    assert_eq!(store.take("r-4", "ann", 2).await, Err(3));
    assert_eq!(store.take("r-4", "ann", 1).await, Ok(()));
    check_books(&store).await;
}

#[tokio::test]
async fn a_due_hold_of_the_customer_does_not_stand_in_the_way() {
    let store = limited(4, None).await;
    let brief = Reserve {
        ttl_ms: 100,
        ..reserve_for("r-1", "ann", &[("sku-1", 4)])
    };
    store.hold(&brief).await.unwrap();
    store.clock.advance_ms(100);
    assert_eq!(store.take("r-2", "ann", 4).await, Ok(()));
    assert_eq!(store.status_of("r-1").await, Some(Status::Expired));
}

#[tokio::test]
async fn what_is_refused_for_lack_of_stock_does_not_count() {
    let store = store().await;
    let first = limit("first", "sku-1", 3, per_customer(4, None));
    store.count(&first).await.unwrap();
    let short = store
        .hold(&reserve_for("r-1", "ann", &[("sku-1", 4)]))
        .await;
    assert!(matches!(short, Err(Refusal::InsufficientStock(_))));
    assert_eq!(store.counters(), Vec::<String>::new());
    assert_eq!(store.take("r-1", "ann", 3).await, Ok(()));
}

#[tokio::test]
async fn a_reacquire_is_not_checked_and_counts() {
    let store = limited(4, None).await;
    let brief = Reserve {
        ttl_ms: 100,
        ..reserve_for("r-1", "ann", &[("sku-1", 4)])
    };
    store.hold(&brief).await.unwrap();
    store.clock.advance_ms(100);
    assert_eq!(store.take("r-2", "ann", 3).await, Ok(()));
    let reacquire = Confirm {
        reacquire: true,
        ..confirm("r-1")
    };
    let sold = store.confirm(&reacquire).await.unwrap().value;
    assert!(sold.confirmed.unwrap().reacquired);
    assert_eq!(store.take("r-3", "ann", 1).await, Err(7));
    check_books(&store).await;
}

#[tokio::test]
async fn counting_starts_when_a_limit_is_set() {
    let store = store().await;
    store.put("sku-1", 100).await;
    store.take("before", "ann", 50).await.unwrap();
    let set = limit("set", "sku-1", 100, per_customer(4, None));
    store.count(&set).await.unwrap();
    assert_eq!(store.take("r-1", "ann", 4).await, Ok(()));
    // Not counted, so nothing to give back.
    store.release(&release("before")).await.unwrap();
    assert_eq!(store.take("r-2", "ann", 1).await, Err(4));

    let remove = limit("remove", "sku-1", 100, LimitChange::Remove);
    store.count(&remove).await.unwrap();
    assert_eq!(store.counters(), Vec::<String>::new());
    assert_eq!(store.stock("sku-1").await.unwrap().purchase_limit, None);
    store.take("r-2", "ann", 10).await.unwrap();
    let again = limit("again", "sku-1", 100, per_customer(4, None));
    store.count(&again).await.unwrap();
    assert_eq!(store.take("r-3", "ann", 4).await, Ok(()));
    // Counted under the limit that was removed: the new one owes it nothing.
    store.release(&release("r-1")).await.unwrap();
    assert_eq!(store.take("r-4", "ann", 1).await, Err(4));
    check_books(&store).await;
}

#[tokio::test]
async fn another_quantity_keeps_the_count_and_another_window_begins_anew() {
    let store = limited(4, None).await;
    store.take("r-1", "ann", 3).await.unwrap();
    let more = limit("more", "sku-1", 100, per_customer(6, None));
    store.count(&more).await.unwrap();
    assert_eq!(store.take("r-2", "ann", 4).await, Err(3));
    assert_eq!(store.take("r-2", "ann", 3).await, Ok(()));
    let less = limit("less", "sku-1", 100, per_customer(2, None));
    store.count(&less).await.unwrap();
    assert_eq!(store.take("r-3", "ann", 1).await, Err(6));
    let window = limit("window", "sku-1", 100, per_customer(2, Some(60)));
    store.count(&window).await.unwrap();
    assert_eq!(store.take("r-3", "ann", 2).await, Ok(()));
    assert_eq!(store.counters().len(), 1);
    check_books(&store).await;
}

#[tokio::test]
async fn a_window_rolls_on_by_slices() {
    let store = limited(4, Some(100)).await;
    store.take("r-1", "ann", 2).await.unwrap();
    store.clock.advance_ms(40_000);
    store.take("r-2", "ann", 2).await.unwrap();
    store.clock.advance_ms(59_999);
    assert_eq!(store.take("r-3", "ann", 1).await, Err(4));
    // A slice is a thousandth of the window: at most so late the allowance comes back.
    store.clock.advance_ms(101);
    assert_eq!(store.take("r-3", "ann", 2).await, Ok(()));
    assert_eq!(store.take("r-4", "ann", 1).await, Err(4));
    // Given back to the time at which it was taken.
    store.release(&release("r-2")).await.unwrap();
    assert_eq!(store.take("r-4", "ann", 2).await, Ok(()));
    store.clock.advance_ms(100_100);
    assert_eq!(store.take("r-5", "ann", 4).await, Ok(()));
    // Too old to count: giving it back frees nothing.
    store.release(&release("r-3")).await.unwrap();
    assert_eq!(store.take("r-6", "ann", 1).await, Err(4));
    check_books(&store).await;
}

#[tokio::test]
async fn a_retired_sku_takes_its_limit_along_with_its_last_location() {
    let store = store().await;
    let first = limit("first", "sku-1", 0, per_customer(4, None));
    store.count(&first).await.unwrap();
    store.put("west|sku-1", 0).await;
    for (stock, left) in [("sku-1", 1), ("west|sku-1", 0)] {
        let retire = Retire {
            key: key(stock),
            context: Context::default(),
        };
        let retired = store.engine.retire(S, &retire, soon()).await.unwrap();
        retired.unwrap();
        assert_eq!(store.raw(&["HLEN", &k("limits")]).integer(), Some(left));
    }
    check_books(&store).await;
}

#[tokio::test]
async fn what_was_used_of_a_passed_window_is_forgotten_and_nothing_else() {
    let store = limited(2, Some(60)).await;
    for i in 0..90 {
        let (id, customer) = (format!("r-{i}"), format!("c-{i}"));
        store.take(&id, &customer, 1).await.unwrap();
    }
    store.clock.advance_ms(30_000);
    assert_eq!(store.take("late", "c-0", 1).await, Ok(()));
    let day = Duration::from_secs(86_400);
    let bite = async || {
        store
            .engine
            .purge(S, day, day, u64::MAX >> 11, soon())
            .await
            .unwrap()
    };
    assert_eq!(bite().await.counters, 0);
    store.clock.advance_ms(30_060);
    let mut forgotten = 0;
    while forgotten < 89 {
        forgotten += bite().await.counters;
    }
    assert_eq!(bite().await.counters, 0);
    assert_eq!(store.take("over", "c-0", 2).await, Err(1));
    check_books(&store).await;
}

#[tokio::test]
async fn a_missing_customer_is_said_before_an_unknown_stock() {
    let store = limited(2, None).await;
    let asked = reserve("r", &[("sku-1", 1), ("nope", 1)]);
    let refused = store.hold(&asked).await.unwrap_err();
    assert_eq!(refused, Refusal::CustomerRequired(vec![sku("sku-1")]));
}
