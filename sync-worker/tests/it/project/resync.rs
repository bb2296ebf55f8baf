//! Entries from before a copy was made, applied after it: what the copy has stays.

use inventory_core::{CustomerId, JournalId, Sku, StockKey};
use sync_worker::{
    cursor::CursorState,
    project::state::{
        LimitRow, OperationRow, ReservationRow, StockRow, UsedRow, replace_used, upsert_limits,
        upsert_operations, upsert_reservations, upsert_stocks,
    },
    status::Status,
};

use super::{
    books,
    events::outbox::{Event, another, events_of, written},
    project, project_with,
    workload::Workload,
};
use crate::support::*;

async fn last(world: &World) -> JournalId {
    world.engine.cut(S, &[], &[]).await.unwrap().at
}

/// Copies everything of one kind as it is now.
async fn copy(world: &World, kind: u64) {
    let at = last(world).await;
    let mut connection = world.pool.acquire().await.unwrap();
    match kind {
        0 => {
            let now = T0;
            let stock =
                |key: StockKey, [available, reserved, sold, version]: [u64; 4], retired| StockRow {
                    ledger: i64::try_from(available + reserved + sold).unwrap(),
                    key,
                    available,
                    reserved,
                    sold,
                    version,
                    retired,
                    changed: at,
                    at: now,
                };
            let mut rows = Vec::new();
            for name in world.keys("stock:") {
                let key = key(&name.replacen(':', "|", 1));
                let cut = world
                    .engine
                    .cut(S, std::slice::from_ref(&key), &[])
                    .await
                    .unwrap();
                let figures = cut.stocks.into_iter().next().unwrap().value().unwrap();
                rows.push(stock(key, figures, false));
            }
            for (name, kept) in world.hash("retired") {
                let (sold, version) = kept.split_once(' ').unwrap();
                let figures = [0, 0, sold.parse().unwrap(), version.parse().unwrap()];
                rows.push(stock(key(&name.replacen(':', "|", 1)), figures, true));
            }
            upsert_stocks(&mut connection, &rows).await.unwrap();
        }
        1 => {
            let bytes = |id: &String| world.bytes(&format!("rsv:{id}")).unwrap();
            let row = |id: &String| ReservationRow::from_stored(&rid(id), &bytes(id)).unwrap();
            let rows: Vec<_> = world.keys("rsv:").iter().map(row).collect();
            upsert_reservations(&mut connection, &rows).await.unwrap();
        }
        2 => {
            let bytes = |id: &String| world.bytes(&format!("op:{id}")).unwrap();
            let row = |id: &String| OperationRow::from_stored(&oid(id), &bytes(id)).unwrap();
            let rows: Vec<_> = world.keys("op:").iter().map(row).collect();
            upsert_operations(&mut connection, &rows).await.unwrap();
        }
        3 => {
            let limits = world.engine.cut_limits(S).await.unwrap();
            let row = |limit: inventory_core::engine::KeptLimit| LimitRow {
                sku: limit.sku,
                quantity: limit.quantity,
                window_ms: limit.window_ms,
                generation: limit.generation,
                changed: limits.at,
            };
            let rows: Vec<_> = limits.values.into_iter().map(row).collect();
            upsert_limits(&mut connection, &rows).await.unwrap();
        }
        _ => {
            for name in world.keys("used:") {
                let (generation, sku) = name.split_once(':').unwrap();
                let (generation, sku) = (generation.parse().unwrap(), Sku::parse(sku).unwrap());
                let mut rows = Vec::new();
                for (customer, counter) in world.hash(&format!("used:{name}")) {
                    let customer = CustomerId::parse(&customer).unwrap();
                    let slices = UsedRow::from_counter(&sku, generation, &customer, &counter, at);
                    rows.extend(slices.unwrap());
                }
                replace_used(&mut connection, &rows).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_copy_and_the_entries_around_it_come_to_what_redis_holds() {
    for seed in 1..=8_u64 {
        let world = world().await;
        world.attach().await;
        let mut workload = Workload::new(1_000 + seed);
        workload.begin(&world).await;
        for _ in 0..100 {
            workload.step(&world).await;
        }
        // From here on entries are followed; the copy is made bit by bit while things go on.
        let from = last(&world).await;
        sqlx::query("UPDATE journal_cursor SET state = 'RESYNC', epoch = ?, n = ?")
            .bind(from.epoch.0)
            .bind(from.n)
            .execute(&world.pool)
            .await
            .unwrap();
        for kind in 0..=4 {
            for _ in 0..15 {
                workload.step(&world).await;
            }
            copy(&world, kind).await;
        }
        let to = last(&world).await;
        sqlx::query("UPDATE journal_cursor SET resync_epoch = ?, resync_n = ?")
            .bind(to.epoch.0)
            .bind(to.n)
            .execute(&world.pool)
            .await
            .unwrap();
        for _ in 0..15 {
            workload.step(&world).await;
        }
        let mut cursor = world.cursor().await;
        assert_eq!(
            (cursor.state, cursor.guarded_to),
            (CursorState::Resync, Some(to))
        );
        let status = Status::default();
        let events = events_of();
        project_with(&world, &mut cursor, 3, &status, Some(&events)).await;
        assert_eq!(
            (cursor.state, cursor.guarded_to),
            (CursorState::Following, None)
        );
        eprintln!("seed {seed}");
        books::check_state(&world).await;
        // What the copy brought is no news; every entry after it is, and says what it always says.
        let calm = another(&world).await;
        let mut all = calm.cursor().await;
        project_with(&calm, &mut all, 100, &status, Some(&events)).await;
        let news = |event: &Event| (event.place.0, event.place.1) > (from.epoch.0, from.n);
        let envelopes = |events: Vec<Event>| -> Vec<_> {
            let news = events.into_iter().filter(news);
            news.map(|event| event.envelope).collect()
        };
        let told = envelopes(written(&world).await);
        assert_eq!(told, envelopes(written(&calm).await));
        assert!(!told.is_empty());
        for _ in 0..40 {
            workload.step(&world).await;
        }
        project(&world, &mut cursor, 100, &status).await;
        books::check_state(&world).await;
        assert_eq!(status.drift.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}
