//! MariaDB killed in the midst of it: every entry is applied exactly once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use devstack::mariadb::MariaDbServer;
use inventory_core::{JournalId, engine::RawEntry};
use service_kit::relay::Waker;
use sqlx::MySqlPool;
use sync_worker::{
    cursor,
    project::{Applied, Batch, Events, apply},
    status::Status,
};

use super::{
    books, entries,
    events::outbox::{another, events_of, rows},
    project_with,
    workload::Workload,
};
use crate::support::*;

const KILLS: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_applies_exactly_once() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let world = world_on(&mariadb).await;
    let cursor = world.attach().await;
    let mut workload = Workload::new(5);
    workload.begin(&world).await;
    for _ in 0..900 {
        workload.step(&world).await;
    }
    let journal = entries(&world, cursor.position, 10_000).await;
    let last = journal.last().unwrap().id;
    let status = Arc::new(Status::default());
    let tries = Arc::new(AtomicU64::new(0));
    let working = tokio::spawn(follow(
        world.pool.clone(),
        journal,
        last,
        status.clone(),
        tries.clone(),
    ));
    for kill in 1..=KILLS {
        // Somewhere within a transaction, each time further on.
        let some = last.n * kill / (KILLS + 2);
        eventually("some entries are applied", async || {
            status.entries_applied.load(Ordering::Relaxed) >= some
        })
        .await;
        mariadb.kill9().unwrap();
        let failed = tries.load(Ordering::Relaxed);
        eventually("the worker has noticed", async || {
            tries.load(Ordering::Relaxed) > failed
        })
        .await;
        mariadb.start_again().unwrap();
    }
    working.await.unwrap();
    assert_eq!(world.cursor().await.position, last);
    books::check(&world).await;
    // Events, too: those of a database that nobody killed.
    let calm = another(&world).await;
    let mut cursor = calm.cursor().await;
    let events = events_of();
    project_with(&calm, &mut cursor, 1_000, &status, Some(&events)).await;
    assert_eq!(rows(&world).await, rows(&calm).await);
    assert_eq!(status.drift.load(Ordering::Relaxed), 0);
    assert_eq!(status.dead_letters.load(Ordering::Relaxed), 0);
}

/// Applies the journal in small batches; after a fault it looks where it stands, as a worker does.
async fn follow(
    pool: MySqlPool,
    journal: Vec<RawEntry>,
    last: JournalId,
    status: Arc<Status>,
    faults: Arc<AtomicU64>,
) {
    let fault = async || {
        faults.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    };
    let events = Events::new(Waker::default());
    loop {
        let Ok(Some(mut cursor)) = cursor::read(&pool, S).await else {
            fault().await;
            continue;
        };
        while cursor.position < last {
            let rest = journal
                .iter()
                .skip_while(|entry| entry.id <= cursor.position);
            let rest: Vec<_> = rest.take(3).cloned().collect();
            let batch = Batch::gather(&rest, cursor.position).unwrap();
            match apply(&pool, S, &cursor, &batch, &status, Some(&events)).await {
                Ok(Applied::Moved(to)) => cursor.position = to,
                Ok(Applied::Superseded) => panic!("nobody else works here"),
                Err(_) => {
                    fault().await;
                    break;
                }
            }
        }
        if cursor.position == last {
            return;
        }
    }
}
