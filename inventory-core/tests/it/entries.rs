//! The journal as a projection reads it: raw, in order, waiting for what comes.

use std::time::Duration;

use inventory_core::{engine::RawEntry, *};

use crate::support::*;

const LONG: Duration = Duration::from_secs(15);

impl Store {
    async fn after(&self, after: Option<JournalId>, max: usize, wait: Duration) -> Vec<RawEntry> {
        self.engine.entries(S, after, max, wait).await.unwrap()
    }
}

#[tokio::test]
async fn entries_come_in_order_without_a_gap_and_no_more_than_asked_for() {
    let store = store().await;
    store.put("sku-1", 100).await;
    for i in 0..20 {
        let id = format!("r-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    let mut all: Vec<RawEntry> = Vec::new();
    loop {
        let after = all.last().map(|entry| entry.id);
        let page = store.after(after, 7, Duration::ZERO).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 7);
        all.extend(page);
    }
    let ids: Vec<_> = all.iter().map(|entry| entry.id).collect();
    let epoch = store.epoch();
    let expected: Vec<_> = (0..22).map(|n| JournalId { epoch, n }).collect();
    assert_eq!(ids, expected);
    let parsed: Vec<_> = all.iter().map(|entry| entry.parse().unwrap()).collect();
    let journal = store.engine.journal(S, None, 100, soon()).await.unwrap();
    assert_eq!(parsed, journal);
    assert_eq!(all[0].stored(0), None, "a blessing keeps nothing");
    assert!(all[1].stored(0).is_some() && all[1].stored(1).is_none());
}

#[tokio::test]
async fn a_reader_waits_until_an_entry_comes() {
    let store = store().await;
    let last = store.after(None, 100, Duration::ZERO).await[0].id;
    let reading = store.after(Some(last), 100, LONG);
    tokio::pin!(reading);
    eventually("the reader waits at Redis", async || {
        let poll = tokio::time::timeout(Duration::from_millis(1), &mut reading);
        assert!(poll.await.is_err(), "there is nothing to read yet");
        info(&store.redis, "blocked_clients") == "1"
    })
    .await;
    // Nobody else waits behind it.
    store.put("sku-1", 100).await;
    let read = reading.await;
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].id.n, last.n + 1);
    // What a reader that gave up had asked for holds up nobody.
    let after = Some(read[0].id);
    {
        let reading = store.after(after, 100, LONG);
        tokio::pin!(reading);
        eventually("the reader waits at Redis", async || {
            let poll = tokio::time::timeout(Duration::from_millis(1), &mut reading);
            assert!(poll.await.is_err());
            info(&store.redis, "blocked_clients") == "1"
        })
        .await;
    }
    let nothing = store.after(after, 100, Duration::from_millis(10)).await;
    assert_eq!(nothing, []);
    store.reserve("r", &[("sku-1", 1)]).await.unwrap();
    assert_eq!(store.after(after, 100, LONG).await.len(), 1);
}

#[tokio::test]
async fn a_reader_of_a_redis_that_is_gone_says_so_and_reads_on_when_it_is_back() {
    let redis = redis_with_aof(devstack::redis::Appendonly::Always);
    let store = live_store_on(redis).await;
    store.put("sku-1", 100).await;
    let all = store.after(None, 100, Duration::ZERO).await;
    store.redis.kill9().unwrap();
    let read = store.engine.entries(S, None, 100, LONG).await;
    assert!(matches!(read, Err(Fault::Unavailable(_))), "{read:?}");
    store.redis.start_again().unwrap();
    let mut read = Vec::new();
    eventually("entries can be read", async || {
        match store.engine.entries(S, None, 2, Duration::ZERO).await {
            Ok(entries) => read = entries,
            Err(Fault::Unavailable(_)) => {}
            Err(fault) => panic!("{fault}"),
        }
        !read.is_empty()
    })
    .await;
    assert_eq!(read, all);
}

#[tokio::test]
async fn an_entry_can_be_kept_as_bytes() {
    let store = store().await;
    let counted = Count {
        reason: text("größer"),
        ..count("n", "sku-1", 5)
    };
    store.count(&counted).await.unwrap();
    for entry in store.after(None, 100, Duration::ZERO).await {
        let payload = entry.payload();
        assert!(payload.len() > entry.len() && !entry.is_empty());
        assert_eq!(RawEntry::from_payload(&payload), Ok(entry));
        for cut in [0, 5, payload.len() - 1] {
            assert!(RawEntry::from_payload(&payload[..cut]).is_err(), "{cut}");
        }
    }
}
