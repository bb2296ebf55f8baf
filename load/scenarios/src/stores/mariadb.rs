//! What MariaDB has: rows of stocks, reservations and the audit log.

use std::{collections::BTreeMap, time::Duration};

use inventory_core::JournalId;
use sqlx::{MySqlPool, Row};
use tokio::time::Instant;

use crate::flow::{Figures, Flow};

const POLL: Duration = Duration::from_millis(50);

/// What its tables say of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    /// By the reservations, and for adjustments by the ledger of the stocks.
    pub(crate) flow: Flow,
    /// By the stocks.
    pub(crate) figures: BTreeMap<String, Figures>,
    /// By the audit log: units that left `available`, all changes after the first added up.
    pub(crate) audited: i64,
    /// Rows of the audit log.
    pub(crate) audit_rows: i64,
}

/// The database of the projection.
#[derive(Debug, Clone)]
pub(crate) struct MariaDb(MySqlPool);

impl MariaDb {
    pub(crate) fn connect(url: &str) -> Result<Self, String> {
        sync_worker::database::pool(url)
            .map(Self)
            .map_err(|error| format!("MariaDB: {error}"))
    }

    pub(crate) async fn version(&self) -> Option<String> {
        let row = sqlx::query("SELECT VERSION() AS version")
            .fetch_one(&self.0)
            .await
            .ok()?;
        row.try_get("version").ok()
    }

    /// Waits until the projection has this entry of the journal.
    pub(crate) async fn has(&self, entry: JournalId, until: Instant) -> Result<(), String> {
        loop {
            let row = sqlx::query(
                "SELECT CONCAT(epoch, '-', n) AS id FROM journal_cursor WHERE shard = 0 AND state = 'FOLLOWING'",
            )
            .fetch_optional(&self.0)
            .await
            .map_err(told)?;
            let id = row.and_then(|row| row.try_get::<String, _>("id").ok());
            if id.and_then(|id| id.parse::<JournalId>().ok()) >= Some(entry) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("the projection does not reach {entry}"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until all events that are in the outbox now have been published.
    pub(crate) async fn published(&self, until: Instant) -> Result<(), String> {
        let last: Option<u64> = sqlx::query("SELECT MAX(id) AS last FROM inventory_outbox")
            .fetch_one(&self.0)
            .await
            .and_then(|row| row.try_get("last"))
            .map_err(told)?;
        let Some(last) = last else {
            return Ok(());
        };
        loop {
            let waiting = sqlx::query("SELECT id FROM inventory_outbox WHERE id <= ? LIMIT 1")
                .bind(last)
                .fetch_optional(&self.0)
                .await
                .map_err(told)?;
            if waiting.is_none() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err("the outbox is not published".to_owned());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What it has of the SKUs that begin so. `seeded` are the units of all of them at the start.
    pub(crate) async fn rows(&self, prefix: &str, seeded: i64) -> Result<Rows, String> {
        let (figures, ledger) = self.stocks(prefix).await.map_err(told)?;
        let mut flow = self.reservations(prefix).await.map_err(told)?;
        flow.adjusted = ledger - seeded;
        let audit = sqlx::query(
            "SELECT CAST(COALESCE(SUM(available_before - available_after), 0) AS SIGNED) AS gone,
               COUNT(*) AS many FROM stock_journal
             WHERE sku_id LIKE CONCAT(?, '%') AND available_before IS NOT NULL AND version > 1",
        )
        .bind(prefix)
        .fetch_one(&self.0)
        .await
        .map_err(told)?;
        Ok(Rows {
            flow,
            figures,
            audited: audit.try_get("gone").map_err(told)?,
            audit_rows: audit.try_get("many").map_err(told)?,
        })
    }

    async fn stocks(&self, prefix: &str) -> sqlx::Result<(BTreeMap<String, Figures>, i64)> {
        let rows = sqlx::query(
            "SELECT sku_id, available_quantity, reserved_quantity, sold_quantity, ledger_quantity
             FROM stock_item WHERE sku_id LIKE CONCAT(?, '%')",
        )
        .bind(prefix)
        .fetch_all(&self.0)
        .await?;
        let mut figures = BTreeMap::new();
        let mut ledger = 0;
        for row in rows {
            let own = Figures {
                available: row.try_get("available_quantity")?,
                reserved: row.try_get("reserved_quantity")?,
                sold: row.try_get("sold_quantity")?,
            };
            figures.insert(row.try_get("sku_id")?, own);
            ledger += row.try_get::<i64, _>("ledger_quantity")?;
        }
        Ok((figures, ledger))
    }

    async fn reservations(&self, prefix: &str) -> sqlx::Result<Flow> {
        let rows = sqlx::query(
            "SELECT CAST(r.status AS CHAR) AS status, CAST(SUM(i.quantity) AS SIGNED) AS held,
               CAST(SUM(i.confirmed_quantity) AS SIGNED) AS confirmed,
               CAST(SUM(i.returned_quantity) AS SIGNED) AS returned
             FROM reservation_item i JOIN reservation r ON r.reservation_id = i.reservation_id
             WHERE i.sku_id LIKE CONCAT(?, '%') GROUP BY r.status",
        )
        .bind(prefix)
        .fetch_all(&self.0)
        .await?;
        let mut flow = Flow::default();
        for row in rows {
            let [held, confirmed]: [i64; 2] = [row.try_get("held")?, row.try_get("confirmed")?];
            flow.held += held;
            flow.confirmed += confirmed;
            flow.returned += row.try_get::<i64, _>("returned")?;
            match row.try_get::<String, _>("status")?.as_str() {
                "RESERVED" => {}
                "EXPIRED" => flow.expired += held,
                // Released, or sold in part.
                _ => flow.released += held - confirmed,
            }
        }
        Ok(flow)
    }

    /// By how much adjustments of these ids changed what was available; `None`: none of them is known.
    pub(crate) async fn adjusted(&self, prefix: &str, id: &str) -> Result<Option<i64>, String> {
        let row = sqlx::query(
            "SELECT CAST(SUM(ledger_delta) AS SIGNED) AS delta FROM stock_journal
             WHERE sku_id LIKE CONCAT(?, '%') AND operation_id = ?",
        )
        .bind(prefix)
        .bind(id)
        .fetch_one(&self.0)
        .await
        .map_err(told)?;
        row.try_get("delta").map_err(told)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: sqlx::Error) -> String {
    format!("MariaDB: {error}")
}
