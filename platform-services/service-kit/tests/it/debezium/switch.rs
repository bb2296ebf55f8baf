//! From the relay to Debezium and back while rows are written.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use super::{Row, Shop, assert_nothing_lost, id, published};
use crate::support::until;

const KEYS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switching_there_and_back_loses_nothing() {
    let shop = Shop::open("switch").await;
    let relay = shop.relay(shop.kafka());
    let old: Vec<Row> = (0..200)
        .map(|n| Row::new("switch-old", n, n % KEYS))
        .collect();
    shop.write(&old).await.unwrap();
    shop.until_empty().await;

    let (done, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let writing = async {
        let mut rows = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let from = rows.len();
            let batch: Vec<Row> = (from..from + KEYS)
                .map(|n| Row::new("switch", n, n % KEYS))
                .collect();
            shop.write_surely(&batch).await;
            rows.extend(batch);
            written.store(rows.len(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rows
    };
    let more = || async {
        let enough = written.load(Ordering::Relaxed) + 500;
        until("rows are written", || async {
            written.load(Ordering::Relaxed) >= enough
        })
        .await;
    };
    let switching = async {
        more().await;
        relay.stop().await;
        more().await;
        shop.register().await;
        let janitor = shop.janitor();
        more().await;
        until("the janitor takes rows away", || async {
            janitor.metric("outbox_janitor_deleted_total") > 500
        })
        .await;
        janitor.stop().await;
        shop.rest(|rest, name| rest.stop(name)).await;
        more().await;
        let relay = shop.relay(shop.kafka());
        more().await;
        done.store(true, Ordering::Relaxed);
        relay
    };
    let (rows, relay) = tokio::join!(writing, switching);
    shop.until_empty().await;
    let repeats = assert_nothing_lost(&shop.brokers(), &rows).await;

    // There again, while nothing is written: what was published and taken away is not published again.
    relay.stop().await;
    shop.rest(|rest, name| {
        rest.forget_offset(name)?;
        rest.resume(name)
    })
    .await;
    let last: Vec<Row> = (0..50)
        .map(|n| Row::new("switch-last", n, n % KEYS))
        .collect();
    shop.write(&last).await.unwrap();
    assert_eq!(assert_nothing_lost(&shop.brokers(), &last).await, 0);
    for rows in [&old, &rows] {
        let now = published(&shop.brokers(), rows).await;
        let count: usize = now.values().map(Vec::len).sum();
        let expected = if rows.len() == old.len() { 0 } else { repeats };
        assert_eq!(count - rows.len(), expected);
        let ids: HashSet<_> = now.values().flatten().map(id).collect();
        assert_eq!(ids.len(), rows.len());
    }
    println!("{} events, {repeats} repeats", rows.len());
    shop.close().await;
}
