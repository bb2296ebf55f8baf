//! Rows of the outbox, and the end of the binary log. Every statement is a transaction of its own.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, FromRow, MySqlPool, Row as _};

use super::position::Position;
use crate::db::ServiceName;

/// Rows deleted by one statement.
const DELETE_ROWS_MAX: usize = 1_000;

/// Rows are counted up to here: more says no more, and takes longer.
pub(super) const COUNT_MAX: u32 = 100_000;

#[derive(Debug)]
pub(super) struct Rows {
    table: String,
    first: Arc<str>,
    delete: Arc<str>,
    waiting: Arc<str>,
}

/// What is in the table.
#[derive(Debug, FromRow)]
pub(super) struct Waiting {
    /// At most [`COUNT_MAX`].
    pub(super) rows: i64,
    /// Of the oldest row.
    age_us: Option<i64>,
}

impl Waiting {
    pub(super) fn age(&self) -> Duration {
        let age = self.age_us.map_or(0, |age| u64::try_from(age).unwrap_or(0));
        Duration::from_micros(age)
    }
}

impl Rows {
    pub(super) fn new(service: &ServiceName) -> Self {
        let table = format!("{service}_outbox");
        Self {
            first: format!("SELECT id FROM {table} ORDER BY id LIMIT ?").into(),
            // Row by row along the primary key, whatever the optimizer thinks: a scan would wait for rows that
            // others are inserting.
            delete: format!(
                "DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS ids \
                 STRAIGHT_JOIN {table} AS o FORCE INDEX (PRIMARY) ON o.id = ids.id"
            )
            .into(),
            waiting: format!(
                "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT {COUNT_MAX}) AS some) AS `rows`, \
                 (SELECT TIMESTAMPDIFF(MICROSECOND, created_at, NOW(3)) FROM {table} \
                 ORDER BY id LIMIT 1) AS age_us"
            )
            .into(),
            table,
        }
    }

    /// `database.table`, as connectors name it.
    pub(super) async fn name(&self, pool: &MySqlPool) -> Result<String, sqlx::Error> {
        let database: String = sqlx::query_scalar("SELECT DATABASE()")
            .fetch_one(pool)
            .await?;
        Ok(format!("{database}.{}", self.table))
    }

    /// The ids of rows that are committed now, the lowest first. Between them may be rows that commit later.
    pub(super) async fn first(
        &self,
        pool: &MySqlPool,
        limit: u32,
    ) -> Result<Vec<u64>, sqlx::Error> {
        sqlx::query_scalar(AssertSqlSafe(Arc::clone(&self.first)))
            .bind(limit)
            .fetch_all(pool)
            .await
    }

    /// Takes away rows by their ids.
    pub(super) async fn delete(&self, pool: &MySqlPool, ids: &[u64]) -> Result<u64, sqlx::Error> {
        let mut deleted = 0;
        for ids in ids.chunks(DELETE_ROWS_MAX) {
            let ids =
                serde_json::to_string(ids).map_err(|error| sqlx::Error::Encode(error.into()))?;
            let done = sqlx::query(AssertSqlSafe(Arc::clone(&self.delete)))
                .bind(ids)
                .execute(pool)
                .await?;
            deleted += done.rows_affected();
        }
        Ok(deleted)
    }

    pub(super) async fn waiting(&self, pool: &MySqlPool) -> Result<Waiting, sqlx::Error> {
        sqlx::query_as(AssertSqlSafe(Arc::clone(&self.waiting)))
            .fetch_one(pool)
            .await
    }
}

/// The end of the binary log: all that was visible before is in front of it, since a transaction is in the log
/// before others see it. `None` when there is no such log.
pub(super) async fn end_of_log(pool: &MySqlPool) -> Result<Option<Position>, sqlx::Error> {
    let gtids: String = sqlx::query_scalar("SELECT @@GLOBAL.gtid_binlog_pos")
        .fetch_one(pool)
        .await?;
    let Some(row) = sqlx::raw_sql("SHOW MASTER STATUS")
        .fetch_optional(pool)
        .await?
    else {
        return Ok(None);
    };
    let (file, pos): (String, u64) = (row.try_get(0)?, row.try_get(1)?);
    let position = Position::new(&file, pos, &gtids);
    position
        .map(Some)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}
