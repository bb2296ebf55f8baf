//! Connect and MariaDB killed while rows are written.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{Row, Shop, assert_nothing_lost, published};
use crate::support::until;

const KEYS: usize = 20;

/// Waits until Debezium has published what is written from now on.
async fn published_one_more(shop: &Shop, test: &str, key: usize) -> Row {
    let row = Row::new(test, 90_000_000 + key, 1_000 + key);
    shop.write_surely(std::slice::from_ref(&row)).await;
    published(&shop.brokers(), std::slice::from_ref(&row)).await;
    row
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connect_and_mariadb_lose_nothing() {
    let shop = Shop::open("chaos").await;
    shop.register().await;
    let janitor = shop.janitor();
    let done = AtomicBool::new(false);
    let writing = async {
        let mut rows = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let from = rows.len();
            let batch: Vec<Row> = (from..from + KEYS)
                .map(|n| Row::new("chaos", n, n % KEYS))
                .collect();
            shop.write_surely(&batch).await;
            rows.extend(batch);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rows
    };
    let (connect, mariadb) = (&shop.site.connect, &shop.site.mariadb);
    let chaos = async {
        let mut rows = vec![published_one_more(&shop, "chaos", 0).await];
        connect.kill9().unwrap();
        tokio::task::block_in_place(|| connect.start_again()).unwrap();
        rows.push(published_one_more(&shop, "chaos", 1).await);

        mariadb.kill9().unwrap();
        tokio::task::block_in_place(|| mariadb.start_again()).unwrap();
        rows.push(published_one_more(&shop, "chaos", 2).await);

        // Both at once. A task that starts while there is no MariaDB fails for good; the janitor restarts it.
        mariadb.kill9().unwrap();
        connect.kill9().unwrap();
        tokio::task::block_in_place(|| connect.start_again()).unwrap();
        let (rest, name) = (connect.rest(), &shop.connector);
        until("the task has failed", || async {
            let state = tokio::task::block_in_place(|| rest.state(name));
            let task = state.ok().flatten().and_then(|state| state.task);
            task.as_deref() == Some("FAILED")
        })
        .await;
        tokio::task::block_in_place(|| mariadb.start_again()).unwrap();
        rows.push(published_one_more(&shop, "chaos", 3).await);
        assert!(janitor.metric("outbox_connector_restarts_total") > 0);
        done.store(true, Ordering::Relaxed);
        rows
    };
    let (mut rows, more) = tokio::join!(writing, chaos);
    rows.extend(more);
    let repeats = assert_nothing_lost(&shop.brokers(), &rows).await;
    // Every row was published, so the janitor may take every one away.
    shop.until_empty().await;
    janitor.stop().await;
    println!("{} events, {repeats} repeats", rows.len());
    shop.close().await;
}
