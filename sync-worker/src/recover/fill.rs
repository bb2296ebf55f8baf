//! Reads MariaDB row by row and puts what it says into a shard that is being restored.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use inventory_core::{
    JournalId, TimestampMs,
    engine::{RestoreStep, Restored, StoreKey, Survey},
};
use sqlx::{
    MySql, Row,
    mysql::{MySqlArguments, MySqlRow},
    query::Query,
};

use super::{Counts, PROJECTION, Scene, Trouble, rows};
use crate::{
    cursor::{Cursor, shard_number},
    limits::RESTORE_SLICE,
    status::Phase,
    time,
};

/// All that a statement answers, row by row: what a table holds need not fit into memory.
type Rows<'a> = Pin<Box<dyn Stream<Item = Result<MySqlRow, sqlx::Error>> + Send + 'a>>;

const STOCKS: &str = "SELECT sku_id, location_id, available_quantity, reserved_quantity, \
     sold_quantity, version, retired FROM stock_item";

const LIMITS: &str =
    "SELECT sku_id, quantity, window_ms, generation_epoch, generation_n FROM purchase_limit";

/// What is left of a limit that is no more counts nothing.
const COUNTERS: &str =
    "SELECT u.sku_id, u.generation_epoch, u.generation_n, u.customer_id, u.slice,
        u.units, l.window_ms
     FROM purchase_used u JOIN purchase_limit l
       ON l.sku_id = u.sku_id AND l.generation_epoch = u.generation_epoch
          AND l.generation_n = u.generation_n
     WHERE u.units > 0
     ORDER BY u.sku_id, u.generation_epoch, u.generation_n, u.customer_id, u.slice";

/// The values of a column in entries after a place of the audit log.
macro_rules! changed {
    ($columns:literal, $column:literal) => {
        concat!(
            "(SELECT DISTINCT ",
            $columns,
            " FROM stock_journal WHERE shard = ? AND epoch >= ? AND (epoch > ? OR n > ?) AND ",
            $column,
            " IS NOT NULL) changed"
        )
    };
}

/// A restore under way.
#[derive(Debug)]
pub(super) struct Fill<'a> {
    scene: &'a Scene,
    token: String,
    /// Rows that there are to read, as far as is known.
    total: u64,
    pub(super) counts: Counts,
}

impl<'a> Fill<'a> {
    /// Closes the shard: from now on only calls with this token change it.
    pub(super) async fn begin(
        scene: &'a Scene,
        issued: &Cursor,
        survey: &Survey,
    ) -> Result<Self, Trouble> {
        let owner = issued.owner.as_deref().unwrap_or(&scene.who);
        let fill = Self {
            scene,
            token: format!("{owner}:{}:{}", issued.token, issued.issued),
            total: 0,
            counts: Counts::default(),
        };
        fill.step(RestoreStep::Begin {
            lineage: issued.lineage.clone(),
            expected: survey.meta.as_ref().map(|meta| meta.epoch),
            even_open: survey.alive(),
        })
        .await?;
        Ok(fill)
    }

    /// Opens the shard in the epoch that was issued; it goes on after the cursor.
    pub(super) async fn finish(&self, issued: &Cursor, why: &str) -> Result<(), Trouble> {
        self.step(RestoreStep::Finish {
            epoch: issued.issued,
            after: issued.applied(),
            projection: Some(PROJECTION.to_owned()),
            who: self.scene.who.clone(),
            why: why.to_owned(),
        })
        .await
    }

    pub(super) async fn step(&self, step: RestoreStep) -> Result<(), Trouble> {
        let Scene { engine, shard, .. } = self.scene;
        Ok(engine.restore(*shard, &self.token, &step).await?)
    }

    /// So many rows more are to be read.
    pub(super) fn expect(&mut self, rows: u64) {
        self.total = self.total.saturating_add(rows);
        self.progress();
    }

    fn progress(&self) {
        let restored = self.counts.carried();
        self.scene.status.enter(Phase::Restoring {
            restored,
            total: self.total.max(restored),
        });
    }

    pub(super) async fn put(&mut self, values: Vec<Restored>) -> Result<(), Trouble> {
        for value in &values {
            let counts = &mut self.counts;
            let count = match value {
                Restored::Gone(StoreKey::Reservation(_)) => &mut counts.removed,
                // Made anew right after.
                Restored::Unlimited { .. } | Restored::Gone(_) => continue,
                Restored::Stock { .. } => &mut counts.stocks,
                Restored::Retired { .. } => &mut counts.retired,
                Restored::Reservation { stored, .. } => match stored.get(17) {
                    Some(b'R') => &mut counts.holds,
                    _ => &mut counts.closed,
                },
                Restored::Operation { .. } => &mut counts.operations,
                Restored::Limit { .. } => &mut counts.limits,
                Restored::Used { .. } => &mut counts.counters,
            };
            *count = count.saturating_add(1);
        }
        self.step(RestoreStep::Put(values)).await?;
        self.progress();
        Ok(())
    }

    /// Puts what the rows say, in their order, a slice at a time.
    async fn put_rows(
        &mut self,
        rows: impl Stream<Item = Result<Restored, Trouble>>,
    ) -> Result<(), Trouble> {
        let mut slices = std::pin::pin!(rows.try_chunks(RESTORE_SLICE));
        while let Some(slice) = slices.next().await {
            self.put(slice.map_err(|broken| broken.1)?).await?;
        }
        Ok(())
    }

    fn rows(&self, query: Query<'a, MySql, MySqlArguments>) -> Rows<'a> {
        query.fetch(&self.scene.pool)
    }

    /// A statement whose first four parameters are a place of the audit log.
    fn after(&self, sql: &'static str, end: JournalId) -> Rows<'a> {
        self.rows(
            sqlx::query(sql)
                .bind(shard_number(self.scene.shard))
                .bind(end.epoch.0)
                .bind(end.epoch.0)
                .bind(end.n),
        )
    }

    pub(super) async fn all_stocks(&mut self) -> Result<(), Trouble> {
        let rows = self.rows(sqlx::query(STOCKS));
        self.put_rows(values(rows, rows::stock)).await
    }

    pub(super) async fn open_holds(&mut self) -> Result<(), Trouble> {
        let rows = self.rows(sqlx::query(
            "SELECT reservation_id AS id, stored FROM reservation WHERE status = 'RESERVED'",
        ));
        self.put_rows(values(rows, rows::reservation)).await
    }

    /// Open holds with this very deadline.
    pub(super) async fn holds_until(&mut self, deadline: TimestampMs) -> Result<(), Trouble> {
        let rows = self.rows(
            sqlx::query(
                "SELECT reservation_id AS id, stored FROM reservation
                 WHERE status = 'RESERVED' AND expires_at = ?",
            )
            .bind(time::sql(deadline)),
        );
        self.put_rows(values(rows, rows::reservation)).await
    }

    /// Open holds that end at `until` at the latest and are as they were at `end`. One of them may
    /// have been given grace in an earlier recovery, which a copy of Redis from before knows nothing
    /// of: no journal entry tells of it.
    pub(super) async fn unchanged_holds_until(
        &mut self,
        until: TimestampMs,
        end: JournalId,
    ) -> Result<(), Trouble> {
        let rows = self.rows(
            sqlx::query(
                "SELECT reservation_id AS id, stored FROM reservation
                 WHERE status = 'RESERVED' AND expires_at <= ?
                     AND (changed_epoch < ? OR (changed_epoch = ? AND changed_n <= ?))",
            )
            .bind(time::sql(until))
            .bind(end.epoch.0)
            .bind(end.epoch.0)
            .bind(end.n),
        );
        self.put_rows(values(rows, rows::reservation)).await
    }

    /// Reservations and outcomes that were over at `since` or later, oldest first: the purger takes
    /// them in the order in which they are put.
    pub(super) async fn closed(&mut self, since: TimestampMs) -> Result<(), Trouble> {
        let since = time::sql(since);
        let reservations = self.rows(
            sqlx::query(
                "SELECT reservation_id AS id, stored, changed_epoch, changed_n FROM reservation
                 WHERE status <> 'RESERVED' AND changed_at >= ?
                 ORDER BY changed_epoch, changed_n",
            )
            .bind(since.clone()),
        );
        let operations = self.rows(
            sqlx::query(
                "SELECT operation_id AS id, stored, changed_epoch, changed_n FROM stock_operation
                 WHERE changed_at >= ? ORDER BY changed_epoch, changed_n",
            )
            .bind(since),
        );
        let merged = merged(
            placed(reservations, rows::reservation),
            placed(operations, rows::operation),
        );
        self.put_rows(merged).await
    }

    /// Everything of a stock, a reservation or an outcome that changed after `end`.
    pub(super) async fn changed_after(&mut self, end: JournalId) -> Result<(), Trouble> {
        let stocks = self.after(
            concat!(
                "SELECT s.sku_id, s.location_id, s.available_quantity, s.reserved_quantity,
                    s.sold_quantity, s.version, s.retired
                 FROM stock_item s JOIN ",
                changed!("sku_id, location_id", "sku_id"),
                " ON s.sku_id = changed.sku_id AND s.location_id = changed.location_id"
            ),
            end,
        );
        self.put_rows(values(stocks, rows::stock)).await?;
        let reservations = self.after(
            concat!(
                "SELECT changed.reservation_id AS id, r.stored, r.changed_epoch, r.changed_n
                 FROM reservation r RIGHT JOIN ",
                changed!("reservation_id", "reservation_id"),
                " ON r.reservation_id = changed.reservation_id
                 ORDER BY r.changed_epoch, r.changed_n"
            ),
            end,
        );
        let operations = self.after(
            concat!(
                "SELECT o.operation_id AS id, o.stored, o.changed_epoch, o.changed_n
                 FROM stock_operation o JOIN ",
                changed!("operation_id", "operation_id"),
                " ON o.operation_id = changed.operation_id
                 ORDER BY o.changed_epoch, o.changed_n"
            ),
            end,
        );
        let merged = merged(
            placed(reservations, rows::reservation),
            placed(operations, rows::operation),
        );
        self.put_rows(merged).await
    }

    /// All purchase limits, and what was used of them.
    pub(super) async fn limits(&mut self) -> Result<(), Trouble> {
        let limits = self.rows(sqlx::query(LIMITS));
        self.put_rows(values(limits, rows::limit)).await?;
        let mut rows = self.rows(sqlx::query(COUNTERS));
        let mut slice = Vec::new();
        let mut current: Option<(rows::Counter, Vec<String>)> = None;
        while let Some(row) = rows.try_next().await? {
            let (counter, part) = rows::used(&row)?;
            match &mut current {
                Some((same, parts)) if *same == counter => parts.push(part),
                _ => {
                    let full = current.replace((counter, vec![part]));
                    slice.extend(full.map(|(counter, parts)| counter.with(parts)));
                    if slice.len() >= RESTORE_SLICE {
                        self.put(std::mem::take(&mut slice)).await?;
                    }
                }
            }
        }
        slice.extend(current.map(|(counter, parts)| counter.with(parts)));
        self.put(slice).await
    }
}

fn values<'a>(
    rows: Rows<'a>,
    value: impl Fn(&MySqlRow) -> Result<Restored, Trouble> + Send + 'a,
) -> impl Stream<Item = Result<Restored, Trouble>> + Send + 'a {
    rows.map(move |row| value(&row?))
}

/// What a row says, and the journal entry of its last change.
type Placed = Result<(JournalId, Restored), Trouble>;

fn placed<'a>(
    rows: Rows<'a>,
    value: impl Fn(&MySqlRow) -> Result<Restored, Trouble> + Send + 'a,
) -> Pin<Box<dyn Stream<Item = Placed> + Send + 'a>> {
    Box::pin(rows.map(move |row| {
        let row = row?;
        // Rows that are gone come first, as they do in the answer.
        let changed = match row.try_get("changed_epoch")? {
            None::<u64> => JournalId::default(),
            Some(_) => rows::journal_id(&row, "changed_epoch", "changed_n")?,
        };
        Ok((changed, value(&row)?))
    }))
}

/// Two streams in the order of their journal ids.
fn merged<'a>(
    left: Pin<Box<dyn Stream<Item = Placed> + Send + 'a>>,
    right: Pin<Box<dyn Stream<Item = Placed> + Send + 'a>>,
) -> impl Stream<Item = Result<Restored, Trouble>> + Send + 'a {
    let heads = (left.peekable(), right.peekable());
    futures_util::stream::unfold(heads, |(mut left, mut right)| async move {
        let place = |head: Option<&Placed>| match head {
            None => None,
            // A fault comes first.
            Some(Err(_)) => Some(JournalId::default()),
            Some(Ok((id, _))) => Some(*id),
        };
        let of_left = place(Pin::new(&mut left).peek().await);
        let of_right = place(Pin::new(&mut right).peek().await);
        let next = match (of_left, of_right) {
            (Some(a), Some(b)) if a > b => right.next().await,
            (Some(_), _) => left.next().await,
            (None, _) => right.next().await,
        };
        next.map(|next| (next.map(|(_, value)| value), (left, right)))
    })
}
