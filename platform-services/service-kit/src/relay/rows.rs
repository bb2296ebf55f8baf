//! Rows of the outbox: read, deleted, and how old they are.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, FromRow, MySqlPool};

use super::RelaySettings;
use crate::db::ServiceName;

/// Rows of a slot that are read at first; grows while a batch stays small.
const SLOT_ROWS_FIRST: u32 = 16;

/// Rows deleted by one statement.
const DELETE_ROWS_MAX: usize = 4096;

/// A row as it is published.
#[derive(Debug, FromRow)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) event_id: String,
    pub(super) key: String,
    pub(super) event_type: String,
    pub(super) topic: String,
    pub(super) payload: String,
    pub(super) traceparent: Option<String>,
    /// Age when it was read.
    pub(super) age_us: i64,
}

#[derive(Debug)]
pub(super) struct Rows {
    outbox: String,
    slot: String,
    owner: String,
    slot_rows: u32,
    slot_rows_max: u32,
    batch_bytes: usize,
    oldest: Arc<str>,
    delete: Arc<str>,
}

impl Rows {
    pub(super) fn new(service: &ServiceName, owner: String, settings: &RelaySettings) -> Self {
        let outbox = format!("{service}_outbox");
        Self {
            oldest: format!(
                "SELECT TIMESTAMPDIFF(MICROSECOND, created_at, NOW(3)) FROM {outbox} \
                 ORDER BY id LIMIT 1"
            )
            .into(),
            // Row by row along the primary key, whatever the optimizer thinks: a scan, which it prefers
            // for `id IN (…)` in a small table, would wait for rows that others are inserting.
            delete: format!(
                "DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS ids \
                 STRAIGHT_JOIN {outbox} AS o FORCE INDEX (PRIMARY) ON o.id = ids.id"
            )
            .into(),
            slot: format!("{service}_outbox_slot"),
            outbox,
            owner,
            slot_rows: SLOT_ROWS_FIRST.min(settings.slot_rows_max),
            slot_rows_max: settings.slot_rows_max,
            batch_bytes: settings.batch_bytes,
        }
    }

    /// The first rows of each slot, in the order of their ids, of slots that the database says are
    /// still ours. From the lowest id every time: a transaction with low ids may commit late. Rows of
    /// topics that are held are passed over, all of them.
    pub(super) async fn read(
        &mut self,
        pool: &MySqlPool,
        slots: &[u8],
        held: &[String],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let but = match held.len() {
            0 => String::new(),
            topics => format!("AND topic NOT IN ({})", vec!["?"; topics].join(", ")),
        };
        let mut rows = self.select(pool, slots, &but, held, self.slot_rows).await?;
        rows.sort_unstable_by_key(|row| row.id);
        self.adapt(rows.iter().map(|row| row.payload.len()).sum());
        Ok(rows)
    }

    /// The first row of a topic of each slot.
    pub(super) async fn read_first_of(
        &self,
        pool: &MySqlPool,
        slots: &[u8],
        topic: &str,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let topic = [topic.to_owned()];
        self.select(pool, slots, "AND topic = ?", &topic, 1).await
    }

    async fn select(
        &self,
        pool: &MySqlPool,
        slots: &[u8],
        condition: &str,
        topics: &[String],
        limit: u32,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let statement = self.read_statement(slots, condition);
        let mut query = sqlx::query_as(AssertSqlSafe(statement));
        for slot in slots {
            query = query.bind(*slot).bind(*slot).bind(&self.owner);
            for topic in topics {
                query = query.bind(topic);
            }
            query = query.bind(limit);
        }
        query.fetch_all(pool).await
    }

    fn read_statement(&self, slots: &[u8], condition: &str) -> String {
        let (outbox, slot) = (&self.outbox, &self.slot);
        let one = format!(
            "(SELECT id, event_id, aggregate_id AS `key`, type AS event_type, topic, payload, \
             traceparent, TIMESTAMPDIFF(MICROSECOND, created_at, NOW(3)) AS age_us \
             FROM {outbox} FORCE INDEX ({outbox}_slot) \
             WHERE slot = ? AND EXISTS (SELECT 1 FROM {slot} AS lease \
             WHERE lease.slot = ? AND lease.owner = ? AND lease.lease_until > NOW(3)) \
             {condition} ORDER BY id LIMIT ?)"
        );
        vec![one.as_str(); slots.len()].join(" UNION ALL ")
    }

    /// More rows next time while batches are small, fewer when one was large.
    fn adapt(&mut self, bytes: usize) {
        let next = if bytes > self.batch_bytes {
            self.slot_rows / 2
        } else if bytes < self.batch_bytes / 4 {
            self.slot_rows.saturating_mul(2)
        } else {
            self.slot_rows
        };
        self.slot_rows = next.clamp(1, self.slot_rows_max);
    }

    /// Takes away rows by their ids: between them may be rows of transactions that committed later.
    pub(super) async fn delete(&self, pool: &MySqlPool, ids: &[u64]) -> Result<(), sqlx::Error> {
        for ids in ids.chunks(DELETE_ROWS_MAX) {
            let ids =
                serde_json::to_string(ids).map_err(|error| sqlx::Error::Encode(error.into()))?;
            sqlx::query(AssertSqlSafe(Arc::clone(&self.delete)))
                .bind(ids)
                .execute(pool)
                .await?;
        }
        Ok(())
    }

    /// The age of the oldest row, whoever publishes it.
    pub(super) async fn oldest_age(&self, pool: &MySqlPool) -> Result<Duration, sqlx::Error> {
        let age: Option<i64> = sqlx::query_scalar(AssertSqlSafe(Arc::clone(&self.oldest)))
            .fetch_optional(pool)
            .await?;
        let age = age.map_or(0, |age| u64::try_from(age).unwrap_or(0));
        Ok(Duration::from_micros(age))
    }
}
