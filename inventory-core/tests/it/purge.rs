//! What is over goes after a while, and never before a projection has it.

use std::time::Duration;

use inventory_core::{engine::Purged, limits::PURGE_MAX, *};

use crate::{
    ledger::{check_books, entries},
    support::*,
};

const HOUR: Duration = Duration::from_secs(3_600);
const HOUR_MS: u64 = 3_600_000;
const BUDGET: u64 = 1 << 30;

impl Store {
    /// Records older than an hour; the journal is kept.
    async fn purge(&self) -> Purged {
        self.purge_all(HOUR, 1_000_000 * HOUR, BUDGET).await
    }

    async fn trim(&self, keep: Duration, max_bytes: u64) -> Purged {
        self.purge_all(1_000_000 * HOUR, keep, max_bytes).await
    }

    async fn purge_all(&self, retention: Duration, keep: Duration, max_bytes: u64) -> Purged {
        let purged = self.engine.purge(S, retention, keep, max_bytes, soon());
        purged.await.unwrap()
    }

    fn operations(&self) -> usize {
        let names = names(&self.redis);
        names.iter().filter(|name| name.contains(":op:")).count()
    }
}

#[tokio::test]
async fn what_is_over_stays_for_the_retention_and_goes_then() {
    let store = store().await;
    store.put("sku-1", 100).await;
    for id in ["sold", "released", "expired", "open"] {
        let ttl_ms = if id == "expired" { 1 } else { u32::MAX };
        let command = Reserve {
            ttl_ms,
            ..reserve(id, &[("sku-1", 1)])
        };
        store.hold(&command).await.unwrap();
    }
    let tombstone = Release {
        tombstone: true,
        ..release("never")
    };
    store.release(&tombstone).await.unwrap();
    store.clock.advance_ms(1_000);
    store.sweep().await;
    store.confirm(&confirm("sold")).await.unwrap();
    store.release(&release("released")).await.unwrap();

    // Created a second earlier: the outcome of the count and the tombstone.
    store.clock.advance_ms(HOUR_MS - 1_000);
    assert_eq!(store.purge().await.records, 2);
    assert_eq!(store.operations(), 0);
    assert_eq!(store.status_of("never").await, None);
    store.clock.advance_ms(999);
    let nothing = Purged {
        records: 0,
        entries: 0,
        counters: 0,
        more: false,
    };
    assert_eq!(store.purge().await, nothing);
    store.clock.advance_ms(1);
    assert_eq!(store.purge().await.records, 3);
    for id in ["sold", "released", "expired"] {
        assert_eq!(store.status_of(id).await, None);
    }
    assert_eq!(store.status_of("open").await, Some(Status::Reserved));
    assert_eq!(store.raw(&["LLEN", &k("closed")]).integer(), Some(0));
    assert_eq!(store.figures("sku-1").await, (98, 1, 1));
    // The id is free.
    let again = store.reserve("released", &[("sku-1", 5)]).await.unwrap();
    assert!(!again.replayed);
}

#[tokio::test]
async fn what_changed_after_it_was_over_stays_for_the_retention_from_then() {
    let store = store().await;
    store.put("sku-1", 100).await;
    for id in ["quiet", "returned", "reacquired"] {
        let command = Reserve {
            ttl_ms: if id == "reacquired" { 1 } else { 60_000 },
            ..reserve(id, &[("sku-1", 2)])
        };
        store.hold(&command).await.unwrap();
    }
    store.confirm(&confirm("quiet")).await.unwrap();
    store.confirm(&confirm("returned")).await.unwrap();
    store.clock.advance_ms(1);
    store.sweep().await;
    store.clock.advance_ms(HOUR_MS / 2);
    let part = give_back("returned", "t", &[("sku-1", 1)]);
    store.give_back(&part).await.unwrap();
    let reacquire = Confirm {
        reacquire: true,
        ..confirm("reacquired")
    };
    store.confirm(&reacquire).await.unwrap();
    check_books(&store).await;
    store.clock.advance_ms(HOUR_MS / 2);
    // The count's outcome and the quiet one.
    assert_eq!(store.purge().await.records, 2);
    assert_eq!(
        store.status_of("returned").await,
        Some(Status::PartiallyReturned)
    );
    assert_eq!(store.purge().await.records, 0);
    store.clock.advance_ms(HOUR_MS / 2);
    assert_eq!(store.purge().await.records, 2);
    assert_eq!(store.status_of("returned").await, None);
    assert_eq!(store.status_of("reacquired").await, None);
    assert_eq!(store.raw(&["LLEN", &k("closed")]).integer(), Some(0));
}

#[tokio::test]
async fn a_bite_is_bounded_and_says_that_there_is_more() {
    let store = store().await;
    store.put("sku-1", 700).await;
    let batch: Vec<_> = (0..700)
        .map(|i| Reserve {
            ttl_ms: 1,
            ..reserve(&format!("r-{i}"), &[("sku-1", 1)])
        })
        .collect();
    store.engine.reserve_batch(S, &batch, soon()).await;
    store.clock.advance_ms(1);
    while store.sweep().await.expired > 0 {}
    store.clock.advance_ms(HOUR_MS);
    let mut bites = Vec::new();
    loop {
        let purged = store.purge().await;
        bites.push(purged.records);
        if !purged.more {
            break;
        }
    }
    let mut expected = vec![PURGE_MAX; 701 / PURGE_MAX];
    expected.push(701 % PURGE_MAX);
    assert_eq!(bites, expected);
}

#[tokio::test]
async fn nothing_goes_before_the_projection_has_it() {
    let store = store().await;
    let epoch = store.epoch();
    let projected = |n: u64| {
        let id = format!("{epoch}-{n}");
        store.raw(&[
            "HSET",
            &k("meta"),
            "projection",
            "mariadb",
            "projected",
            &id,
        ]);
    };
    store.put("sku-1", 10).await;
    store.reserve("r-1", &[("sku-1", 1)]).await.unwrap();
    store.reserve("r-2", &[("sku-1", 1)]).await.unwrap();
    store.confirm(&confirm("r-1")).await.unwrap();
    store.confirm(&confirm("r-2")).await.unwrap();
    let last = entries(&store.engine).await.last().unwrap().id.n;
    assert_eq!(last, 5);
    store.clock.advance_ms(2 * HOUR_MS);

    store.raw(&["HSET", &k("meta"), "projection", "mariadb"]);
    assert_eq!(store.purge().await.records, 0, "nothing was projected yet");
    projected(last - 2);
    assert_eq!(store.purge().await.records, 1, "the outcome of the count");
    assert_eq!(store.status_of("r-1").await, Some(Status::Confirmed));
    projected(last - 1);
    assert_eq!(store.purge().await.records, 1);
    assert_eq!(store.status_of("r-1").await, None);
    // Taken once, changed again since.
    store.give_back(&give_back("r-2", "t", &[])).await.unwrap();
    store.clock.advance_ms(2 * HOUR_MS);
    projected(last);
    assert_eq!(store.purge().await.records, 0);
    projected(last + 1);
    assert_eq!(store.purge().await.records, 1);
    // The worker trims the journal.
    assert_eq!(store.trim(Duration::ZERO, 0).await.entries, 0);
    // Detached, the retention alone decides.
    store.reserve("r-3", &[("sku-1", 1)]).await.unwrap();
    store.release(&release("r-3")).await.unwrap();
    store.clock.advance_ms(2 * HOUR_MS);
    assert_eq!(store.purge().await.records, 0);
    store.raw(&["HSET", &k("meta"), "projection", ""]);
    assert_eq!(store.purge().await.records, 1);
}

async fn places(store: &Store) -> Vec<u64> {
    let all = entries(&store.engine).await;
    all.iter().map(|entry| entry.id.n).collect()
}

#[tokio::test]
async fn the_journal_is_trimmed_by_age_and_keeps_its_newest_entry() {
    let store = store().await;
    store.put("sku-1", 1_000).await;
    for i in 0..100 {
        store.clock.advance_ms(1_000);
        let id = format!("r-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    // Entry n was written at second n - 1; it is second 100.
    let purged = store.trim(Duration::from_secs(30), BUDGET).await;
    assert_eq!((purged.entries, purged.more), (72, false));
    assert_eq!(places(&store).await, (72..=101).collect::<Vec<_>>());
    assert_eq!(store.trim(Duration::from_secs(30), BUDGET).await.entries, 0);
    store.clock.advance_ms(HOUR_MS);
    assert_eq!(store.trim(Duration::ZERO, BUDGET).await.entries, 29);
    assert_eq!(places(&store).await, [101]);
    assert_eq!(store.trim(Duration::ZERO, 0).await.entries, 0);
    store.reserve("next", &[("sku-1", 1)]).await.unwrap();
    assert_eq!(places(&store).await, [101, 102]);
}

#[tokio::test]
async fn the_journal_is_trimmed_to_its_memory_budget() {
    let store = store().await;
    store.put("sku-1", 10_000).await;
    for batch in 0..8 {
        let batch: Vec<_> = (0..500)
            .map(|i| reserve(&format!("r-{batch}-{i}"), &[("sku-1", 1)]))
            .collect();
        store.engine.reserve_batch(S, &batch, soon()).await;
    }
    for i in 0..3_000 {
        let id = format!("s-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    let bytes = async || {
        let status = store.engine.status(S, soon()).await.unwrap();
        status.journal_bytes
    };
    let budget = bytes().await / 3;
    let mut tries = 0;
    while bytes().await > budget {
        assert!(store.trim(1_000 * HOUR, budget).await.entries > 0);
        tries += 1;
    }
    assert!(tries <= 5, "{tries} bites");
    assert!(
        bytes().await > budget / 3,
        "far more than needed was trimmed"
    );
    let left = places(&store).await;
    assert!(left.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(*left.last().unwrap(), 1 + 8 * 4 + 3_000);
}

#[tokio::test]
async fn a_journal_of_many_epochs_is_trimmed_from_its_oldest() {
    let redis = redis_with_aof(devstack::redis::Appendonly::Always);
    let store = store_on(redis).await;
    store.put("sku-1", 100).await;
    for epoch in 0..3 {
        for i in 0..10 {
            store.clock.advance_ms(1_000);
            let id = format!("r-{epoch}-{i}");
            store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
        }
        let before = store.epoch();
        store.redis.stop().unwrap();
        store.redis.start_again().unwrap();
        store.in_epoch_after(before).await;
    }
    let all = entries(&store.engine).await;
    let mut kept = all.clone();
    while store.trim(Duration::from_secs(5), BUDGET).await.entries > 0 {
        let left = entries(&store.engine).await;
        assert_eq!(left, all[all.len() - left.len()..]);
        kept = left;
    }
    assert!(kept.iter().all(|e| e.at.0 + 5_000 > T0.0 + 30_000));
    assert_eq!(kept.len(), 5 + 1);
}
