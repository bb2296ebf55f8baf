//! What the tables must be: what Redis holds, and what the audit log adds up to.

use std::collections::{BTreeMap, BTreeSet};

use inventory_core::{
    ReservationId, TimestampMs,
    engine::{ShardClock, parse_reservation},
    limits::LIMIT_WINDOW_SLICES,
};
use sqlx::Row;

use crate::support::*;

/// Everything that both sides have in common.
pub(crate) async fn check(world: &World) {
    check_audit(world).await;
    check_state(world).await;
}

/// Without the audit log, which a copy does not have.
pub(crate) async fn check_state(world: &World) {
    check_stocks(world).await;
    check_reservations(world).await;
    check_operations(world).await;
    check_limits(world).await;
}

type Figures = [i64; 4];

async fn stock_rows(world: &World) -> BTreeMap<(String, String), (Figures, i64, bool)> {
    let rows = sqlx::query(
        "SELECT location_id, sku_id, available_quantity, reserved_quantity, sold_quantity, version,
                ledger_quantity, retired FROM stock_item",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let row = |row: sqlx::mysql::MySqlRow| {
        let figures = [row.get(2), row.get(3), row.get(4), row.get(5)];
        ((row.get(0), row.get(1)), (figures, row.get(6), row.get(7)))
    };
    rows.into_iter().map(row).collect()
}

async fn check_stocks(world: &World) {
    let in_redis: BTreeMap<_, Figures> = world
        .keys("stock:")
        .into_iter()
        .map(|name| {
            let fields: BTreeMap<_, _> = world.hash(&format!("stock:{name}")).into_iter().collect();
            let field = |name: &str| fields[name].parse().unwrap();
            let figures = [
                field("availableQuantity"),
                field("reservedQuantity"),
                field("soldQuantity"),
                field("version"),
            ];
            let (location, sku) = name.split_once(':').unwrap();
            ((location.to_owned(), sku.to_owned()), figures)
        })
        .collect();
    let rows = stock_rows(world).await;
    let here = rows.iter().filter(|(_, (_, _, retired))| !retired);
    let here: BTreeMap<_, _> = here
        .map(|(key, (figures, ..))| (key.clone(), *figures))
        .collect();
    assert_eq!(here, in_redis);
    for (key, ([available, reserved, sold, _], ledger, _)) in &rows {
        assert_eq!(available + reserved + sold, *ledger, "{key:?}");
    }
    let retired: BTreeMap<_, _> = world.hash("retired").into_iter().collect();
    let rows = rows.into_iter().filter(|(_, (_, _, retired))| *retired);
    let rows: BTreeMap<_, _> = rows
        .map(
            |((location, sku), ([available, reserved, sold, version], ..))| {
                assert_eq!((available, reserved), (0, 0));
                (format!("{location}:{sku}"), format!("{sold} {version}"))
            },
        )
        .collect();
    assert_eq!(rows, retired);
}

/// Each version of a stock begins as the one before ended; the last is the row.
async fn check_audit(world: &World) {
    let rows = sqlx::query(
        "SELECT location_id, sku_id, available_before, reserved_before, sold_before,
                available_after, reserved_after, sold_after, version, ledger_delta
         FROM stock_journal WHERE sku_id IS NOT NULL ORDER BY sku_id, location_id, version",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let mut ends: BTreeMap<(String, String), (Figures, i64)> = BTreeMap::new();
    for row in rows {
        let key: (String, String) = (row.get(0), row.get(1));
        let (end, ledger) = ends.entry(key.clone()).or_default();
        let before: [i64; 3] = [row.get(2), row.get(3), row.get(4)];
        let [available, reserved, sold, version] = *end;
        assert_eq!(
            before,
            [available, reserved, sold],
            "{key:?} after version {version}"
        );
        *end = [row.get(5), row.get(6), row.get(7), row.get(8)];
        assert_eq!(end[3], version + 1, "{key:?}");
        *ledger += row.get::<i64, _>(9);
    }
    let rows = stock_rows(world).await.into_iter();
    let rows: BTreeMap<_, _> = rows
        .map(|(key, (figures, ledger, _))| (key, (figures, ledger)))
        .collect();
    assert_eq!(ends, rows);
}

async fn check_reservations(world: &World) {
    let rows = sqlx::query(
        "SELECT reservation_id, stored, status, order_id, customer_id, changed_epoch, changed_n,
                CAST(expires_at AS CHAR), CAST(created_at AS CHAR) FROM reservation",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let mut items = items(world).await;
    let mut stored: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for row in rows {
        let id: String = row.get(0);
        let bytes: Vec<u8> = row.get(1);
        let record = parse_reservation(&rid(&id), &bytes).unwrap();
        assert_eq!(record.status.as_str(), row.get::<String, _>(2), "{id}");
        let order = record.order.as_ref().map(|order| order.to_string());
        assert_eq!(order, row.get::<Option<String>, _>(3), "{id}");
        let customer = record
            .customer
            .as_ref()
            .map(|customer| customer.to_string());
        assert_eq!(customer, row.get::<Option<String>, _>(4), "{id}");
        let changed = (record.last_change.epoch.0, record.last_change.n);
        assert_eq!(changed, (row.get(5), row.get(6)), "{id}");
        let times = [record.deadline, record.created].map(sync_worker::time::sql);
        assert_eq!(times, [row.get::<String, _>(7), row.get(8)], "{id}");
        let expected: BTreeMap<_, _> = record
            .lines
            .iter()
            .map(|line| {
                let sold = record.confirmed.as_ref();
                let sold = sold.map_or(0, |sold| sold.lines.quantity_of(line));
                let out = record.returnable(line);
                let place = (line.location.to_string(), line.sku.to_string());
                (place, [line.quantity, sold, sold - out])
            })
            .collect();
        assert_eq!(
            items.remove(&rid(&id)).unwrap_or_default(),
            expected,
            "{id}"
        );
        stored.insert(id, bytes);
    }
    assert_eq!(items, BTreeMap::new(), "items of no reservation");
    let mut open: BTreeSet<_> = stored
        .iter()
        .filter(|(_, bytes)| bytes[17] == b'R')
        .map(|(id, _)| id.clone())
        .collect();
    for id in world.keys("rsv:") {
        let kept = world.bytes(&format!("rsv:{id}"));
        assert_eq!(kept.as_ref(), stored.get(&id), "{id}");
        open.remove(&id);
    }
    // What was purged was over.
    assert_eq!(open, BTreeSet::new());
}

type Items = BTreeMap<(String, String), [u32; 3]>;

async fn items(world: &World) -> BTreeMap<ReservationId, Items> {
    let rows = sqlx::query(
        "SELECT reservation_id, location_id, sku_id, quantity, confirmed_quantity, returned_quantity
         FROM reservation_item",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let mut items: BTreeMap<_, Items> = BTreeMap::new();
    for row in rows {
        let quantities = [row.get(3), row.get(4), row.get(5)];
        let of = items.entry(rid(&row.get::<String, _>(0))).or_default();
        of.insert((row.get(1), row.get(2)), quantities);
    }
    items
}

async fn check_operations(world: &World) {
    let rows: BTreeMap<String, Vec<u8>> =
        sqlx::query_as("SELECT operation_id, stored FROM stock_operation")
            .fetch_all(&world.pool)
            .await
            .unwrap()
            .into_iter()
            .collect();
    for id in world.keys("op:") {
        let kept = world.bytes(&format!("op:{id}"));
        assert_eq!(kept.as_ref(), rows.get(&id), "{id}");
    }
}

async fn check_limits(world: &World) {
    let rows: Vec<(String, u32, u64, u64, u64)> = sqlx::query_as(
        "SELECT sku_id, quantity, window_ms, generation_epoch, generation_n FROM purchase_limit",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let rows: BTreeMap<_, _> = rows
        .into_iter()
        .map(|(sku, quantity, window, epoch, n)| (sku, format!("{quantity} {window} {epoch}-{n}")))
        .collect();
    let limits: BTreeMap<_, _> = world.hash("limits").into_iter().collect();
    assert_eq!(rows, limits);

    let mut in_redis = BTreeSet::new();
    let now = now(world);
    for name in world.keys("used:") {
        let (generation, sku) = name.split_once(':').unwrap();
        let window: u64 = limits[sku].split(' ').nth(1).unwrap().parse().unwrap();
        for (customer, counter) in world.hash(&format!("used:{name}")) {
            for part in counter.split(' ') {
                let (slice, units) = part.split_once(':').unwrap_or(("0", part));
                if counts(slice.parse().unwrap(), window, now) {
                    in_redis.insert(format!("{sku} {generation} {customer} {slice} {units}"));
                }
            }
        }
    }
    let rows: Vec<(String, u64, u64, String, u64, i64)> = sqlx::query_as(
        "SELECT sku_id, generation_epoch, generation_n, customer_id, slice, units FROM purchase_used",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let rows: BTreeSet<_> = rows
        .into_iter()
        .filter(|(sku, _, _, _, slice, _)| {
            let window = limits[sku].split(' ').nth(1).unwrap();
            counts(*slice, window.parse().unwrap(), now)
        })
        .map(|(sku, epoch, n, customer, slice, units)| {
            format!("{sku} {epoch}-{n} {customer} {slice} {units}")
        })
        .collect();
    assert_eq!(rows, in_redis);
}

fn now(world: &World) -> TimestampMs {
    match &world.clock {
        ShardClock::Redis => panic!("this clock does not stand still"),
        clock @ ShardClock::Manual(_) => TimestampMs(clock.argument().parse().unwrap()),
    }
}

/// Whether the window has not passed since the end of a slice; always, where there is no window.
fn counts(slice: u64, window_ms: u64, now: TimestampMs) -> bool {
    let slice_ms = (window_ms / LIMIT_WINDOW_SLICES).max(1);
    window_ms == 0 || (slice + 1) * slice_ms + window_ms > now.0
}
