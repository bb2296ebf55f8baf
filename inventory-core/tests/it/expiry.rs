//! A hold at or past its deadline is over, whether anybody sweeps or not.

use std::sync::atomic::Ordering;

use inventory_core::{
    engine::{Held, ShardClock},
    limits::{LINES_MAX, REAP_LINES_MAX, REAP_MAX},
    *,
};

use crate::{
    ledger::{check_books, entries},
    support::*,
};

const TTL: u32 = 1_000;

fn brief(id: &str, quantity: u32) -> Reserve {
    Reserve {
        ttl_ms: TTL,
        ..reserve(id, &[("sku-1", quantity)])
    }
}

/// A stock of which one hold of 2 is about to fall due, in so many ms.
async fn nearly_due(ms: u64) -> Store {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.hold(&brief("r", 2)).await.unwrap();
    store.clock.advance_ms(u64::from(TTL) - ms);
    store
}

/// As many holds of one unit as there is stock.
async fn all_held(holds: u32) -> Store {
    let store = store().await;
    store.put("sku-1", u64::from(holds)).await;
    let batch: Vec<_> = (0..holds).map(|i| brief(&format!("r-{i}"), 1)).collect();
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    store
}

#[tokio::test]
async fn a_hold_is_good_until_the_last_millisecond() {
    let store = nearly_due(1).await;
    assert_eq!(store.sweep().await.expired, 0);
    store.confirm(&confirm("r")).await.unwrap();
    check_books(&store).await;
}

#[tokio::test]
async fn whoever_touches_a_due_hold_expires_it() {
    let expired = Refusal::ReservationExpired;
    let store = nearly_due(0).await;
    assert_eq!(store.confirm(&confirm("r")).await, Err(expired.clone()));
    assert_eq!(store.figures("sku-1").await, (10, 0, 0));
    let record = store.record("r").await.unwrap();
    assert_eq!(record.expired_at, Some(T0.plus_ms(u64::from(TTL))));
    check_books(&store).await;

    let store = nearly_due(0).await;
    assert_eq!(store.extend(&extend("r", 5_000)).await, Err(expired));
    assert_eq!(store.figures("sku-1").await, (10, 0, 0));

    let store = nearly_due(0).await;
    let released = store.release(&release("r")).await.unwrap();
    assert_eq!(released.value.status, Status::Expired);
    assert!(!released.replayed);

    let store = nearly_due(0).await;
    let refused = store.give_back(&give_back("r", "t", &[])).await;
    let not_confirmed = Refusal::ReservationNotConfirmed(Status::Expired);
    assert_eq!(refused, Err(not_confirmed));
    assert_eq!(store.figures("sku-1").await, (10, 0, 0));

    let store = nearly_due(0).await;
    let Held::Existing(record) = store.hold(&brief("r", 2)).await.unwrap().value else {
        panic!("held anew")
    };
    assert_eq!(record.status, Status::Expired);
    assert_eq!(store.figures("sku-1").await, (10, 0, 0));
    check_books(&store).await;
}

#[tokio::test]
async fn what_expired_stays_expired_when_the_clock_goes_back() {
    let store = nearly_due(0).await;
    store.confirm(&confirm("r")).await.unwrap_err();
    let ShardClock::Manual(clock) = &store.clock else {
        panic!("a clock of its own")
    };
    clock.store(T0.0 + 1, Ordering::SeqCst);
    let again = store.confirm(&confirm("r")).await;
    assert_eq!(again, Err(Refusal::ReservationExpired));
    check_books(&store).await;
}

#[tokio::test]
async fn a_read_sees_a_due_hold_as_expired_and_changes_nothing() {
    let store = nearly_due(0).await;
    let before = store.dump();
    let read = store.engine.reservation(S, &rid("r"), soon()).await;
    let read = read.unwrap().unwrap();
    assert_eq!(read.reservation.status, Status::Reserved);
    assert_eq!(read.reservation.status_at(read.now), Status::Expired);
    assert_eq!(store.dump(), before);
}

#[tokio::test]
async fn an_extended_hold_outlives_its_first_deadline() {
    let store = nearly_due(1).await;
    let extended = store.extend(&extend("r", TTL)).await.unwrap().value;
    let deadline = T0.plus_ms(u64::from(TTL) - 1 + u64::from(TTL));
    assert_eq!(extended.deadline, deadline);
    store.clock.advance_ms(1);
    assert_eq!(store.sweep().await.expired, 0);
    // The longest life of a hold bounds it.
    let bounded = Extend {
        max_hold_ms: 2_500,
        ..extend("r", 86_400_000)
    };
    let extended = store.extend(&bounded).await.unwrap().value;
    assert_eq!(extended.deadline, T0.plus_ms(2_500));
    store.clock.advance_ms(1_500);
    assert_eq!(store.sweep().await.expired, 1);
    check_books(&store).await;
}

#[tokio::test]
async fn without_a_sweeper_the_stock_of_due_holds_can_be_had() {
    let store = all_held(100).await;
    let short = store.reserve("next", &[("sku-1", 100)]).await;
    assert!(matches!(short, Err(Refusal::InsufficientStock(_))));
    store.clock.advance_ms(u64::from(TTL));
    store.reserve("next", &[("sku-1", 100)]).await.unwrap();
    check_books(&store).await;

    let store = all_held(100).await;
    store.clock.advance_ms(u64::from(TTL));
    store.adjust(&adjust("a", "sku-1", -100)).await.unwrap();
    let retire = Retire {
        key: key("sku-1"),
        context: Context::default(),
    };
    let retired = store.engine.retire(S, &retire, soon()).await.unwrap();
    retired.unwrap();

    let store = all_held(100).await;
    store.clock.advance_ms(u64::from(TTL));
    let counted = store.count(&count("n", "sku-1", 7)).await.unwrap().value;
    assert_eq!((counted.stock.available, counted.stock.reserved), (7, 0));

    let store = all_held(100).await;
    store.clock.advance_ms(u64::from(TTL));
    let reacquire = Confirm {
        reacquire: true,
        ..confirm("r-0")
    };
    store.confirm(&reacquire).await.unwrap();
    check_books(&store).await;
}

#[tokio::test]
async fn a_reacquire_takes_back_what_expired_or_says_what_is_short() {
    let store = nearly_due(0).await;
    store.reserve("greedy", &[("sku-1", 9)]).await.unwrap();
    let reacquire = Confirm {
        reacquire: true,
        ..confirm("r")
    };
    let short = Shortage {
        key: key("sku-1"),
        requested: 2,
        available: 1,
    };
    let refused = store.confirm(&reacquire).await;
    assert_eq!(refused, Err(Refusal::InsufficientStock(vec![short])));
    store.release(&release("greedy")).await.unwrap();
    store.confirm(&reacquire).await.unwrap();
    assert_eq!(store.figures("sku-1").await, (8, 0, 2));
    check_books(&store).await;
}

#[tokio::test]
async fn a_bite_is_bounded_and_holds_of_one_deadline_all_get_their_turn() {
    let store = all_held(600).await;
    let late = 250;
    store.clock.advance_ms(u64::from(TTL) + late);
    let mut bites = Vec::new();
    loop {
        let swept = store.sweep().await;
        let lag = if swept.expired > 0 { late } else { 0 };
        assert_eq!((swept.lag_ms, swept.corrupt), (lag, 0));
        bites.push((swept.expired, swept.remaining));
        if swept.remaining == 0 && swept.expired == 0 {
            break;
        }
    }
    assert_eq!(bites, [(256, 344), (256, 88), (88, 0), (0, 0)]);
    assert_eq!(store.figures("sku-1").await, (600, 0, 0));
    check_books(&store).await;
}

#[tokio::test]
async fn a_bite_of_wide_holds_is_bounded_by_their_lines() {
    let stocks: Vec<String> = (0..LINES_MAX).map(|i| format!("sku-{i}")).collect();
    let items: Vec<_> = stocks.iter().map(|stock| (stock.as_str(), 1)).collect();
    let store = store().await;
    for stock in &stocks {
        store.put(stock, 20).await;
    }
    for i in 0..20 {
        let wide = Reserve {
            ttl_ms: TTL,
            ..reserve(&format!("r-{i}"), &items)
        };
        store.hold(&wide).await.unwrap();
    }
    store.clock.advance_ms(u64::from(TTL));
    let holds = REAP_LINES_MAX.div_ceil(LINES_MAX);
    let swept = store.sweep().await;
    assert_eq!(swept.expired, holds);
    assert_eq!(swept.remaining, u64::try_from(20 - holds).unwrap());
    // Whoever needs the stock goes on where the bite ended.
    let all: Vec<_> = stocks.iter().map(|stock| (stock.as_str(), 20)).collect();
    store.reserve("all", &all).await.unwrap();
    check_books(&store).await;
}

#[tokio::test]
async fn more_due_holds_than_a_call_may_expire_are_worked_off_within_the_deadline() {
    for command in 0..5 {
        let store = all_held(1_000).await;
        store.clock.advance_ms(u64::from(TTL));
        match command {
            0 => drop(store.reserve("all", &[("sku-1", 1_000)]).await.unwrap()),
            1 => drop(store.adjust(&adjust("a", "sku-1", -1_000)).await.unwrap()),
            2 => drop(store.count(&count("n", "sku-1", 0)).await.unwrap()),
            3 => {
                let retire = Retire {
                    key: key("sku-1"),
                    context: Context::default(),
                };
                let in_use = store.engine.retire(S, &retire, soon()).await.unwrap();
                let refusal = Refusal::SkuInUse {
                    available: 1_000,
                    reserved: 0,
                };
                assert_eq!(in_use, Err(refusal));
            }
            _ => {
                let reacquire = Confirm {
                    reacquire: true,
                    ..confirm("r-999")
                };
                store.confirm(&reacquire).await.unwrap();
            }
        }
        for entry in entries(&store.engine).await {
            if let EntryBody::Changes { changes, .. } = entry.body {
                // A batch; or a bite with the hold that the call was about, and its outcome.
                assert!(changes.len() <= REAP_MAX + 2, "{}", changes.len());
            }
        }
        check_books(&store).await;
    }
}

#[tokio::test]
async fn a_batch_that_finds_due_holds_in_its_way_decides_all_of_it() {
    let store = all_held(1_000).await;
    store.clock.advance_ms(u64::from(TTL));
    // The bites of the first leave too little for the second; then both find enough.
    let batch: Vec<_> = (0..10)
        .map(|i| reserve(&format!("next-{i}"), &[("sku-1", 100)]))
        .collect();
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    assert_eq!(store.figures("sku-1").await, (0, 1_000, 0));
    check_books(&store).await;
}

#[tokio::test]
async fn the_lag_of_the_sweeper_can_be_seen() {
    let store = live_store().await;
    store.put("sku-1", 1).await;
    let brief = Reserve {
        ttl_ms: 1,
        ..reserve("r", &[("sku-1", 1)])
    };
    store.hold(&brief).await.unwrap();
    eventually("the lag grows", async || {
        let status = store.engine.status(S, soon()).await.unwrap();
        status.due_lag_ms > 20 && status.open_holds == 1
    })
    .await;
    assert_eq!(store.sweep().await.expired, 1);
    let status = store.engine.status(S, soon()).await.unwrap();
    assert_eq!((status.due_lag_ms, status.open_holds), (0, 0));
}
