//! Everything: each key of Redis, then each stock and open hold of MariaDB that no key stood for.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    sync::Mutex,
};

use futures_util::{TryStreamExt, stream};
use indicatif::ProgressBar;
use inventory_core::{
    JournalId, OperationId, ReservationId, Sku, StockKey,
    engine::{KeyPage, StoreKey},
};
use sqlx::Row;

use super::{
    Checker, Drift, Subject,
    rows::{reservation_id, stock_key},
};
use crate::{
    limits::{CHECK_SLICES_IN_FLIGHT, SLICE_KEYS_MAX},
    reconcile::{exit::Trouble, output::Output},
};

/// Stocks and reservations that were compared, as hashes: a million ids take a few megabytes.
#[derive(Debug, Default)]
struct Seen {
    state: RandomState,
    hashes: Mutex<HashSet<u64>>,
}

impl Seen {
    fn add<T: Hash>(&self, subjects: &[T]) {
        let mut hashes = self
            .hashes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        hashes.extend(subjects.iter().map(|subject| self.state.hash_one(subject)));
    }

    fn without<T: Hash>(&self, mut subjects: Vec<T>) -> Vec<T> {
        let hashes = self
            .hashes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        subjects.retain(|subject| !hashes.contains(&self.state.hash_one(subject)));
        subjects
    }
}

/// Keys of one page, by what they hold.
#[derive(Debug, Default)]
struct Sorted {
    stocks: Vec<StockKey>,
    reservations: Vec<ReservationId>,
    operations: Vec<OperationId>,
    used: Vec<(JournalId, Sku)>,
}

impl Checker<'_> {
    pub(super) async fn walk(&self, out: Output) -> Result<(), Trouble> {
        let seen = Seen::default();
        let bar = out.progress(self.size().await?, "comparing");
        let used = Mutex::new(HashSet::new());
        self.pages()
            .try_for_each_concurrent(CHECK_SLICES_IN_FLIGHT, |page| {
                self.page(page, &seen, &used, &bar)
            })
            .await?;
        self.stock_pages(&seen).await?;
        self.open_pages(&seen).await?;
        let used = used
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let limits = self.settled_limits(used).await?;
        let retired = self.settled_retired().await?;
        self.note(|found| found.drift.extend(limits.into_iter().chain(retired)));
        bar.finish_and_clear();
        Ok(())
    }

    /// About how much there is to compare.
    async fn size(&self) -> Result<u64, Trouble> {
        let rows: Option<u64> = sqlx::query_scalar(
            "SELECT CAST(SUM(TABLE_ROWS) AS UNSIGNED) FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = DATABASE()
               AND TABLE_NAME IN ('stock_item', 'reservation', 'stock_operation')",
        )
        .fetch_one(&self.both.pool)
        .await?;
        Ok(rows.unwrap_or_default())
    }

    /// Pages of the keys of Redis.
    fn pages(&self) -> impl stream::Stream<Item = Result<KeyPage, Trouble>> + '_ {
        stream::try_unfold(Some(0), move |cursor| async move {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let (engine, shard) = (&self.both.engine, self.both.shard);
            let page = engine.store_keys(shard, cursor, SLICE_KEYS_MAX).await?;
            let next = page.next;
            Ok::<_, Trouble>(Some((page, next)))
        })
    }

    async fn page(
        &self,
        page: KeyPage,
        seen: &Seen,
        used: &Mutex<HashSet<(JournalId, Sku)>>,
        bar: &ProgressBar,
    ) -> Result<(), Trouble> {
        let what = "not a key of the engine";
        let strange = page.strange.into_iter().map(Subject::Key);
        let mut drift: Vec<_> = strange.map(|key| Drift::new(key, what)).collect();
        let sorted = sorted(page.keys);
        used.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(sorted.used);
        seen.add(&sorted.stocks);
        seen.add(&sorted.reservations);
        let counts = [
            sorted.stocks.len(),
            sorted.reservations.len(),
            sorted.operations.len(),
        ]
        .map(|count| count as u64);
        drift.extend(self.settled_stocks(sorted.stocks).await?);
        drift.extend(self.settled_reservations(sorted.reservations).await?);
        drift.extend(self.settled_operations(sorted.operations).await?);
        self.note(|found| {
            let [stocks, reservations, operations] = counts;
            found.compared.stocks += stocks;
            found.compared.reservations += reservations;
            found.compared.operations += operations;
            found.drift.extend(drift);
        });
        bar.inc(counts.iter().sum());
        Ok(())
    }

    /// Stocks that MariaDB has and no key of Redis stood for.
    async fn stock_pages(&self, seen: &Seen) -> Result<(), Trouble> {
        let mut after = (String::new(), String::new());
        loop {
            let rows = sqlx::query(
                "SELECT sku_id, location_id FROM stock_item
                 WHERE sku_id > ? OR sku_id = ? AND location_id > ?
                 ORDER BY sku_id, location_id LIMIT ?",
            )
            .bind(&after.0)
            .bind(&after.0)
            .bind(&after.1)
            .bind(slice())
            .fetch_all(&self.both.pool)
            .await?;
            let keys = rows.iter().map(stock_key);
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let Some(last) = keys.last() else {
                return Ok(());
            };
            after = (last.sku.to_string(), last.location.to_string());
            let drift = self.settled_stocks(seen.without(keys)).await?;
            self.note(|found| found.drift.extend(drift));
        }
    }

    /// Open holds that MariaDB has and no key of Redis stood for.
    async fn open_pages(&self, seen: &Seen) -> Result<(), Trouble> {
        let pages =
            stream::try_unfold((String::new(), String::new()), |after| async move {
                let rows = sqlx::query(
                "SELECT reservation_id, CAST(expires_at AS CHAR) AS expires_text FROM reservation
                 WHERE status = 'RESERVED'
                   AND (expires_at > ? OR expires_at = ? AND reservation_id > ?)
                 ORDER BY expires_at, reservation_id LIMIT ?",
            )
            .bind(if after.0.is_empty() { "1000-01-01" } else { &after.0 })
            .bind(if after.0.is_empty() { "1000-01-01" } else { &after.0 })
            .bind(&after.1)
            .bind(slice())
            .fetch_all(&self.both.pool)
            .await?;
                let Some(last) = rows.last() else {
                    return Ok(None);
                };
                let next = (
                    last.try_get::<String, _>("expires_text")?,
                    last.try_get::<String, _>("reservation_id")?,
                );
                let ids = rows.iter().map(reservation_id);
                let ids = ids.collect::<Result<Vec<_>, sqlx::Error>>()?;
                Ok::<_, Trouble>(Some((ids, next)))
            });
        pages
            .try_for_each_concurrent(CHECK_SLICES_IN_FLIGHT, |ids| async move {
                let drift = self.settled_reservations(seen.without(ids)).await?;
                self.note(|found| found.drift.extend(drift));
                Ok(())
            })
            .await
    }
}

fn slice() -> u32 {
    u32::try_from(SLICE_KEYS_MAX).unwrap_or(u32::MAX)
}

fn sorted(keys: Vec<StoreKey>) -> Sorted {
    let mut sorted = Sorted::default();
    for key in keys {
        match key {
            StoreKey::Stock(key) => sorted.stocks.push(key),
            StoreKey::Reservation(id) => sorted.reservations.push(id),
            StoreKey::Operation(id) => sorted.operations.push(id),
            StoreKey::Used { generation, sku } => sorted.used.push((generation, sku)),
        }
    }
    sorted
}
