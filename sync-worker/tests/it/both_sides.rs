//! Whether MariaDB says what Redis says. Returns differences instead of panicking, so that a test
//! can wait until there are none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use inventory_core::{
    Fault, Kept, OperationId, ReservationId, StockKey,
    engine::{Engine, StoreKey},
    limits::CUT_MAX,
};
use sqlx::MySqlPool;

use crate::support::S;

/// Everything that both sides have, by name.
type State = BTreeMap<String, String>;

/// What is not the same on both sides: stocks and what is left of retired ones, every reservation
/// and outcome that Redis has, every open hold that MariaDB has, limits and what was used of them.
/// Only meaningful at rest. Empty: they agree.
pub(crate) async fn compare_both_sides(engine: &Engine, pool: &MySqlPool) -> Vec<String> {
    let redis = match redis(engine).await {
        Ok(state) => state,
        Err(fault) => return vec![format!("redis: {fault}")],
    };
    let mariadb = match mariadb(pool).await {
        Ok(state) => state,
        Err(error) => return vec![format!("mariadb: {error}")],
    };
    let names: BTreeSet<_> = redis.keys().chain(mariadb.keys()).collect();
    let differences = names.into_iter().filter_map(|name| {
        let (there, here) = (redis.get(name), mariadb.get(name));
        // What is over goes from Redis after the retention, and stays here.
        let purged = there.is_none() && !name.starts_with("hold ") && name.contains("(kept)");
        (there != here && !purged).then(|| format!("{name}: redis {there:?}, mariadb {here:?}"))
    });
    let mut differences: Vec<_> = differences.collect();
    differences.extend(journal_gaps(pool).await);
    differences
}

fn place(key: &StockKey) -> String {
    format!("stock {}|{}", key.location, key.sku)
}

fn shown<T: Debug>(kept: Kept<T>) -> Option<String> {
    match kept {
        Kept::Absent => None,
        Kept::Corrupt => Some("corrupt".to_owned()),
        Kept::Is(value) => Some(format!("{value:?}")),
    }
}

fn record(id: &str, stored: &[u8]) -> (String, String) {
    let kind = match stored.get(17) {
        Some(b'R') => "hold",
        _ => "closed (kept)",
    };
    (format!("{kind} {id}"), format!("{stored:?}"))
}

async fn redis(engine: &Engine) -> Result<State, Fault> {
    let mut state = State::new();
    let mut page = Some(0);
    while let Some(from) = page {
        let keys = engine.store_keys(S, from, 1_000).await?;
        page = keys.next;
        state.extend(keys.strange.into_iter().map(|name| (name, String::new())));
        let (mut stocks, mut reservations, mut operations) = (vec![], vec![], vec![]);
        for key in keys.keys {
            match key {
                StoreKey::Stock(key) => stocks.push(key),
                StoreKey::Reservation(id) => reservations.push(id),
                StoreKey::Operation(id) => operations.push(id),
                StoreKey::Used { .. } => {}
            }
        }
        for keys in stocks.chunks(CUT_MAX) {
            let cut = engine.cut(S, keys, &[]).await?;
            for (key, kept) in keys.iter().zip(cut.stocks) {
                state.extend(shown(kept).map(|figures| (place(key), figures)));
            }
        }
        for ids in reservations.chunks(CUT_MAX) {
            let cut = engine.cut(S, &[], ids).await?;
            for (id, kept) in ids.iter().zip(cut.reservations) {
                let entry = match kept {
                    Kept::Is(stored) => Some(record(id.as_str(), &stored)),
                    Kept::Corrupt => Some((format!("hold {id}"), "corrupt".to_owned())),
                    Kept::Absent => None,
                };
                state.extend(entry);
            }
        }
        for ids in operations.chunks(CUT_MAX) {
            let cut = engine.cut_operations(S, ids).await?;
            for (id, kept) in ids.iter().zip(cut.values) {
                state.extend(shown(kept).map(|stored| (format!("operation (kept) {id}"), stored)));
            }
        }
    }
    for retired in engine.retired(S).await?.values {
        let figures = format!("retired {} {}", retired.sold, retired.version);
        state.insert(place(&retired.key), figures);
    }
    for limit in engine.cut_limits(S).await?.values {
        let text = format!(
            "{} {} {}",
            limit.quantity, limit.window_ms, limit.generation
        );
        state.insert(format!("limit {}", limit.sku), text);
        let mut page = Some(0);
        while let Some(from) = page {
            let used = engine
                .cut_used(S, limit.generation, &limit.sku, from)
                .await?;
            page = used.next;
            for kept in used.values {
                let slices: BTreeSet<_> = kept.counter.split(' ').map(str::to_owned).collect();
                let name = format!("used {} {}", limit.sku, kept.customer);
                state.insert(name, format!("{slices:?}"));
            }
        }
    }
    Ok(state)
}

async fn mariadb(pool: &MySqlPool) -> Result<State, sqlx::Error> {
    let mut state = State::new();
    let stocks: Vec<(String, String, i64, i64, i64, i64, bool)> = sqlx::query_as(
        "SELECT location_id, sku_id, available_quantity, reserved_quantity, sold_quantity, version,
                retired FROM stock_item",
    )
    .fetch_all(pool)
    .await?;
    for (location, sku, available, reserved, sold, version, retired) in stocks {
        let figures = match retired {
            true => format!("retired {sold} {version}"),
            false => format!("{:?}", [available, reserved, sold, version]),
        };
        state.insert(format!("stock {location}|{sku}"), figures);
    }
    let reservations: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT reservation_id, stored FROM reservation")
            .fetch_all(pool)
            .await?;
    state.extend(
        reservations
            .iter()
            .map(|(id, stored)| record(ReservationId::derived(id).unwrap().as_str(), stored)),
    );
    let operations: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT operation_id, stored FROM stock_operation")
            .fetch_all(pool)
            .await?;
    state.extend(operations.into_iter().map(|(id, stored)| {
        let id = OperationId::derived(&id).unwrap();
        (format!("operation (kept) {id}"), format!("{stored:?}"))
    }));
    let limits: Vec<(String, u32, u64, u64, u64)> = sqlx::query_as(
        "SELECT sku_id, quantity, window_ms, generation_epoch, generation_n FROM purchase_limit",
    )
    .fetch_all(pool)
    .await?;
    let used: Vec<(String, String, u64, i64, u64)> = sqlx::query_as(
        "SELECT sku_id, customer_id, slice, units, window_ms
         FROM purchase_used JOIN purchase_limit USING (sku_id, generation_epoch, generation_n)
         WHERE units > 0",
    )
    .fetch_all(pool)
    .await?;
    for (sku, quantity, window_ms, epoch, n) in limits {
        state.insert(
            format!("limit {sku}"),
            format!("{quantity} {window_ms} {epoch}-{n}"),
        );
    }
    let mut counters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (sku, customer, slice, units, window_ms) in used {
        let part = match window_ms {
            0 => units.to_string(),
            _ => format!("{slice}:{units}"),
        };
        let counter = counters
            .entry(format!("used {sku} {customer}"))
            .or_default();
        counter.insert(part);
    }
    state.extend(
        counters
            .into_iter()
            .map(|(name, slices)| (name, format!("{slices:?}"))),
    );
    Ok(state)
}

/// Entries that the audit log lacks: within an epoch it has all from the first to the last. (A
/// blessing leaves no row; a change that was put aside stands in `dead_letter`.)
pub(crate) async fn journal_gaps(pool: &MySqlPool) -> Vec<String> {
    let gaps: Result<Vec<(u64, u64, u64, i64)>, _> = sqlx::query_as(
        "SELECT epoch, MIN(n), MAX(n), COUNT(DISTINCT n) FROM stock_journal GROUP BY epoch",
    )
    .fetch_all(pool)
    .await;
    match gaps {
        Err(error) => vec![error.to_string()],
        Ok(epochs) => epochs
            .into_iter()
            .filter(|(_, first, last, count)| {
                *first != 1 || i64::try_from(*last).unwrap() != *count
            })
            .map(|epoch| format!("audit log: epoch, first, last and entries {epoch:?}"))
            .collect(),
    }
}
