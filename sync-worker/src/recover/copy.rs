//! Copies what Redis has into MariaDB, slice by slice, each as of one place of the journal. Rows are
//! replaced whatever they say: they may be of another history.

use std::collections::HashSet;

use inventory_core::{
    CustomerId, JournalId, Kept, OperationId, ReservationId, StockKey,
    engine::{KeptLimit, StoreKey},
    limits::CUT_MAX,
};
use sqlx::{MySql, Transaction};

use super::{Counts, Scene, Trouble, resync::changed};
use crate::{
    cursor::{self, Cursor},
    limits::{RESYNC_SLICE, ROWS_SLICE},
    project::{
        sql::Statement,
        state::{self, LimitRow, OperationRow, ReservationRow, StockRow, UsedRow},
    },
    status::Phase,
};

/// A copy under way.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    scene: &'a Scene,
    /// The row, as it is all through the copy.
    cursor: &'a Cursor,
    pub(super) counts: Counts,
}

impl<'a> Copy<'a> {
    pub(super) fn new(scene: &'a Scene, cursor: &'a Cursor) -> Self {
        Self {
            scene,
            cursor,
            counts: Counts::default(),
        }
    }

    /// Everything; then what MariaDB has and Redis does not.
    pub(super) async fn all(&mut self) -> Result<(), Trouble> {
        self.progress();
        self.keys().await?;
        self.absent_stocks().await?;
        self.retired().await?;
        self.absent_holds().await?;
        self.limits().await
    }

    fn progress(&self) {
        let copied = self.counts.carried();
        self.scene.status.enter(Phase::Resync { copied });
    }

    /// A transaction of this owner and this copy.
    async fn begin(&self) -> Result<Transaction<'static, MySql>, Trouble> {
        cursor::begin(&self.scene.pool, self.scene.shard, self.cursor)
            .await?
            .ok_or(Trouble::Superseded)
    }

    /// The place that something was read at, if it is in the epoch of this copy.
    fn place(&self, at: JournalId) -> Result<JournalId, Trouble> {
        match at.epoch == self.cursor.position.epoch {
            true => Ok(at),
            false => Err(changed()),
        }
    }

    async fn keys(&mut self) -> Result<(), Trouble> {
        let mut page = Some(0);
        while let Some(from) = page {
            let Scene { engine, shard, .. } = self.scene;
            let keys = engine.store_keys(*shard, from, RESYNC_SLICE).await?;
            page = keys.next;
            for name in &keys.strange {
                tracing::warn!(name, "a key that the engine does not give is not copied");
                add(&mut self.counts.unreadable, 1);
            }
            let (mut stocks, mut reservations, mut operations) = (vec![], vec![], vec![]);
            // A walk over keys may come by one of them twice.
            for key in keys.keys.into_iter().collect::<HashSet<_>>() {
                match key {
                    StoreKey::Stock(key) => stocks.push(key),
                    StoreKey::Reservation(id) => reservations.push(id),
                    StoreKey::Operation(id) => operations.push(id),
                    // Copied with its limit; what is left of one that is no more counts nothing.
                    StoreKey::Used { .. } => {}
                }
            }
            let mut transaction = self.begin().await?;
            for keys in stocks.chunks(CUT_MAX) {
                self.stocks(&mut transaction, keys).await?;
            }
            for ids in reservations.chunks(CUT_MAX) {
                self.reservations(&mut transaction, ids).await?;
            }
            for ids in operations.chunks(CUT_MAX) {
                self.operations(&mut transaction, ids).await?;
            }
            transaction.commit().await?;
            self.progress();
        }
        Ok(())
    }

    async fn stocks(
        &mut self,
        transaction: &mut Transaction<'_, MySql>,
        keys: &[StockKey],
    ) -> Result<(), Trouble> {
        let Scene { engine, shard, .. } = self.scene;
        let cut = engine.cut(*shard, keys, &[]).await?;
        let changed = self.place(cut.at)?;
        let mut rows = Vec::with_capacity(keys.len());
        for (key, kept) in keys.iter().zip(cut.stocks) {
            match kept {
                // Its entry follows.
                Kept::Absent => {}
                Kept::Corrupt => self.unreadable("stock", key),
                Kept::Is([available, reserved, sold, version]) => rows.push(StockRow {
                    key: key.clone(),
                    available,
                    reserved,
                    sold,
                    version,
                    ledger: ledger([available, reserved, sold]),
                    retired: false,
                    changed,
                    at: cut.now,
                }),
            }
        }
        let keys: Vec<&StockKey> = rows.iter().map(|row| &row.key).collect();
        delete_stocks(transaction, &keys).await?;
        state::upsert_stocks(transaction, &rows).await?;
        add(&mut self.counts.stocks, rows.len());
        Ok(())
    }

    async fn reservations(
        &mut self,
        transaction: &mut Transaction<'_, MySql>,
        ids: &[ReservationId],
    ) -> Result<(), Trouble> {
        let Scene { engine, shard, .. } = self.scene;
        let cut = engine.cut(*shard, &[], ids).await?;
        self.place(cut.at)?;
        let mut rows = Vec::with_capacity(ids.len());
        for (id, kept) in ids.iter().zip(cut.reservations) {
            let row = match kept {
                Kept::Absent => continue,
                Kept::Corrupt => None,
                Kept::Is(stored) => ReservationRow::from_stored(id, &stored),
            };
            match row {
                Some(row) => rows.push(row),
                None => self.unreadable("reservation", id),
            }
        }
        let ids = rows.iter().map(|row| row.reservation.id.as_str());
        delete_reservations(transaction, &ids.collect::<Vec<_>>()).await?;
        state::upsert_reservations(transaction, &rows).await?;
        let open = rows.iter().filter(|row| row.stored.get(17) == Some(&b'R'));
        let open = open.count();
        add(&mut self.counts.holds, open);
        add(&mut self.counts.closed, rows.len().saturating_sub(open));
        Ok(())
    }

    async fn operations(
        &mut self,
        transaction: &mut Transaction<'_, MySql>,
        ids: &[OperationId],
    ) -> Result<(), Trouble> {
        let Scene { engine, shard, .. } = self.scene;
        let cut = engine.cut_operations(*shard, ids).await?;
        self.place(cut.at)?;
        let mut rows = Vec::with_capacity(ids.len());
        for (id, kept) in ids.iter().zip(cut.values) {
            let row = match kept {
                Kept::Absent => continue,
                Kept::Corrupt => None,
                Kept::Is(stored) => OperationRow::from_stored(id, &stored),
            };
            match row {
                Some(row) => rows.push(row),
                None => self.unreadable("operation", id),
            }
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        delete(transaction, &FORGET_OPERATIONS, &ids).await?;
        state::upsert_operations(transaction, &rows).await?;
        add(&mut self.counts.operations, rows.len());
        Ok(())
    }

    /// Stocks that Redis does not have go: what is left of one that was retired comes after.
    async fn absent_stocks(&mut self) -> Result<(), Trouble> {
        let mut after = (String::new(), String::new());
        loop {
            let page: Vec<(String, String)> = sqlx::query_as(
                "SELECT sku_id, location_id FROM stock_item
                 WHERE sku_id >= ? AND (sku_id > ? OR location_id > ?) AND NOT retired
                 ORDER BY sku_id, location_id LIMIT ?",
            )
            .bind(&after.0)
            .bind(&after.0)
            .bind(&after.1)
            .bind(limit(CUT_MAX))
            .fetch_all(&self.scene.pool)
            .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after.clone_from(last);
            let keys: Vec<StockKey> = page
                .iter()
                .filter_map(|(sku, location)| {
                    Some(StockKey {
                        location: location.parse().ok()?,
                        sku: sku.parse().ok()?,
                    })
                })
                .collect();
            let Scene { engine, shard, .. } = self.scene;
            let cut = engine.cut(*shard, &keys, &[]).await?;
            self.place(cut.at)?;
            let absent = keys
                .iter()
                .zip(&cut.stocks)
                .filter(|(_, kept)| **kept == Kept::Absent);
            let absent: Vec<&StockKey> = absent.map(|(key, _)| key).collect();
            let mut transaction = self.begin().await?;
            delete_stocks(&mut transaction, &absent).await?;
            transaction.commit().await?;
            add(&mut self.counts.removed, absent.len());
        }
    }

    async fn retired(&mut self) -> Result<(), Trouble> {
        let Scene { engine, shard, .. } = self.scene;
        let retired = engine.retired(*shard).await?;
        let changed = self.place(retired.at)?;
        let now = engine.survey(*shard).await?.now;
        let rows: Vec<StockRow> = retired
            .values
            .into_iter()
            .map(|kept| StockRow {
                key: kept.key,
                available: 0,
                reserved: 0,
                sold: kept.sold,
                version: kept.version,
                ledger: ledger([0, 0, kept.sold]),
                retired: true,
                changed,
                at: now,
            })
            .collect();
        for name in retired.corrupt {
            self.unreadable("retired stock", name);
        }
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM stock_item WHERE retired")
            .execute(&mut *transaction)
            .await?;
        state::upsert_stocks(&mut transaction, &rows).await?;
        transaction.commit().await?;
        add(&mut self.counts.retired, rows.len());
        Ok(())
    }

    /// Open holds that Redis does not have any more were resolved, nobody knows how, and purged.
    async fn absent_holds(&mut self) -> Result<(), Trouble> {
        let mut after = String::new();
        loop {
            let page: Vec<String> = sqlx::query_scalar(
                "SELECT reservation_id FROM reservation
                 WHERE status = 'RESERVED' AND reservation_id > ?
                 ORDER BY reservation_id LIMIT ?",
            )
            .bind(&after)
            .bind(limit(CUT_MAX))
            .fetch_all(&self.scene.pool)
            .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after.clone_from(last);
            let ids = page.iter().filter_map(|id| ReservationId::derived(id).ok());
            let ids: Vec<ReservationId> = ids.collect();
            let Scene { engine, shard, .. } = self.scene;
            let cut = engine.cut(*shard, &[], &ids).await?;
            self.place(cut.at)?;
            let absent = ids
                .iter()
                .zip(&cut.reservations)
                .filter(|(_, kept)| **kept == Kept::Absent);
            let absent: Vec<&str> = absent.map(|(id, _)| id.as_str()).collect();
            let mut transaction = self.begin().await?;
            delete_reservations(&mut transaction, &absent).await?;
            transaction.commit().await?;
            add(&mut self.counts.removed, absent.len());
        }
    }

    /// All limits anew, with what was used of them.
    async fn limits(&mut self) -> Result<(), Trouble> {
        let Scene { engine, shard, .. } = self.scene;
        let limits = engine.cut_limits(*shard).await?;
        let changed = self.place(limits.at)?;
        for name in &limits.corrupt {
            self.unreadable("limit", name);
        }
        let rows: Vec<LimitRow> = limits
            .values
            .iter()
            .map(|kept| LimitRow {
                sku: kept.sku.clone(),
                quantity: kept.quantity,
                window_ms: kept.window_ms,
                generation: kept.generation,
                changed,
            })
            .collect();
        loop {
            let mut transaction = self.begin().await?;
            let deleted = sqlx::query("DELETE FROM purchase_used LIMIT ?")
                .bind(ROWS_SLICE)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if deleted == 0 {
                sqlx::query("DELETE FROM purchase_limit")
                    .execute(&mut *transaction)
                    .await?;
                state::upsert_limits(&mut transaction, &rows).await?;
            }
            transaction.commit().await?;
            if deleted == 0 {
                break;
            }
        }
        add(&mut self.counts.limits, rows.len());
        for limit in &limits.values {
            self.used(limit).await?;
        }
        Ok(())
    }

    async fn used(&mut self, limit: &KeptLimit) -> Result<(), Trouble> {
        let mut page = Some(0);
        while let Some(from) = page {
            let Scene { engine, shard, .. } = self.scene;
            let used = engine
                .cut_used(*shard, limit.generation, &limit.sku, from)
                .await?;
            page = used.next;
            let changed = self.place(used.at)?;
            for name in &used.corrupt {
                self.unreadable("counter", name);
            }
            let mut rows = Vec::with_capacity(used.values.len());
            let mut customers: usize = 0;
            for kept in used.values {
                let customer = CustomerId::parse(&kept.customer).ok();
                let slices = customer.and_then(|customer| {
                    UsedRow::from_counter(
                        &limit.sku,
                        limit.generation,
                        &customer,
                        &kept.counter,
                        changed,
                    )
                });
                match slices {
                    Some(slices) => {
                        customers = customers.saturating_add(1);
                        rows.extend(slices);
                    }
                    None => self.unreadable("counter", &kept.customer),
                }
            }
            let mut transaction = self.begin().await?;
            state::replace_used(&mut transaction, &rows).await?;
            transaction.commit().await?;
            add(&mut self.counts.counters, customers);
            self.progress();
        }
        Ok(())
    }

    fn unreadable(&mut self, what: &str, name: impl std::fmt::Display) {
        tracing::warn!(what, %name, "it cannot be read and is not copied");
        add(&mut self.counts.unreadable, 1);
    }
}

/// Nobody knows how the stock came about: all of it counts as given.
fn ledger(figures: [u64; 3]) -> i64 {
    let sum = figures.into_iter().fold(0, u64::saturating_add);
    i64::try_from(sum).unwrap_or(i64::MAX)
}

fn add(count: &mut u64, more: usize) {
    *count = count.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
}

fn limit(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

static FORGET_STOCKS: Statement = Statement::any(
    "DELETE FROM stock_item WHERE",
    "(sku_id = ? AND location_id = ?)",
);

static FORGET_RESERVATIONS: Statement =
    Statement::any("DELETE FROM reservation WHERE", "reservation_id = ?");

static FORGET_ITEMS: Statement =
    Statement::any("DELETE FROM reservation_item WHERE", "reservation_id = ?");

static FORGET_OPERATIONS: Statement =
    Statement::any("DELETE FROM stock_operation WHERE", "operation_id = ?");

async fn delete_stocks(
    transaction: &mut Transaction<'_, MySql>,
    keys: &[&StockKey],
) -> Result<(), sqlx::Error> {
    FORGET_STOCKS
        .run(transaction, keys, |key, values| {
            values.push(key.sku.as_str()).push(key.location.as_str());
        })
        .await?;
    Ok(())
}

async fn delete_reservations(
    transaction: &mut Transaction<'_, MySql>,
    ids: &[&str],
) -> Result<(), sqlx::Error> {
    for statement in [&FORGET_RESERVATIONS, &FORGET_ITEMS] {
        delete(transaction, statement, ids).await?;
    }
    Ok(())
}

async fn delete(
    transaction: &mut Transaction<'_, MySql>,
    statement: &Statement,
    ids: &[&str],
) -> Result<(), sqlx::Error> {
    statement
        .run(transaction, ids, |id, values| {
            values.push(*id);
        })
        .await?;
    Ok(())
}
