//! Which events were handled: one row each, inserted in the handler's transaction.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, MySqlConnection, MySqlPool};
use tokio_util::sync::CancellationToken;

use crate::db::{self, ServiceName};

/// How long services remember what they handled: longer than an event may come again, from its topic or
/// from its dead letters (see [`crate::topics::TopicFlags`]).
pub const KEEP: Duration = Duration::from_secs(90 * 86_400);

const PURGE_PERIOD: Duration = Duration::from_secs(3600);

/// Rows deleted by one statement.
const PURGE_ROWS_MAX: u64 = 1000;

/// The table of a service's inbox, for a migration.
#[must_use]
pub fn ddl(service: &ServiceName) -> String {
    include_str!("inbox.sql").replace("{service}", service.as_str())
}

/// Whether an event is to be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is, in this transaction, and no other transaction can until this one ends.
    New,
    /// It was.
    Before,
}

/// The inbox of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox {
    insert: Arc<str>,
    purge: Arc<str>,
}

impl Inbox {
    /// Of the service with this name: the table `<name>_inbox`.
    #[must_use]
    pub fn new(service: &ServiceName) -> Self {
        Self {
            insert: format!("INSERT INTO {service}_inbox (event_id, handler) VALUES (?, ?)").into(),
            purge: format!(
                "DELETE FROM {service}_inbox WHERE handled_at < NOW(3) - INTERVAL ? SECOND \
                 ORDER BY handled_at LIMIT {PURGE_ROWS_MAX}"
            )
            .into(),
        }
    }

    /// Notes in the caller's transaction that `handler` handled the event. Waits while another
    /// transaction does the same.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note(
        &self,
        connection: &mut MySqlConnection,
        event_id: &str,
        handler: &str,
    ) -> Result<Seen, sqlx::Error> {
        let inserted = sqlx::query(AssertSqlSafe(Arc::clone(&self.insert)))
            .bind(event_id)
            .bind(handler)
            .execute(connection)
            .await;
        match inserted {
            Ok(_) => Ok(Seen::New),
            Err(error) if db::is_duplicate_key(&error) => Ok(Seen::Before),
            Err(error) => Err(error),
        }
    }

    /// Calls [`Inbox::purge`] every hour until `stop`.
    pub async fn keep_small(self, pool: MySqlPool, keep: Duration, stop: CancellationToken) {
        loop {
            match self.purge(&pool, keep).await {
                Ok(rows) => tracing::debug!(rows, "handled events forgotten"),
                Err(error) => tracing::warn!(%error, "handled events were not forgotten"),
            }
            tokio::select! {
                () = tokio::time::sleep(PURGE_PERIOD) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Forgets what was handled longer ago than `keep`, which must outlast the retention of every
    /// topic consumed and of its dead letters. How many rows.
    ///
    /// # Errors
    /// Those of the database; what was deleted stays deleted.
    pub async fn purge(&self, pool: &MySqlPool, keep: Duration) -> Result<u64, sqlx::Error> {
        let mut deleted = 0;
        loop {
            let rows = sqlx::query(AssertSqlSafe(Arc::clone(&self.purge)))
                .bind(keep.as_secs())
                .execute(pool)
                .await?
                .rows_affected();
            deleted += rows;
            if rows < PURGE_ROWS_MAX {
                return Ok(deleted);
            }
        }
    }
}
