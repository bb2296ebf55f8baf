//! What the tables have before a batch is written.

use std::collections::HashMap;

use inventory_core::{Epoch, JournalId, ReservationId, StockKey};
use sqlx::{MySqlConnection, Row};

use super::{rows::Figures, sql::Statement};

/// A row of `stock_item`, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StockBefore {
    pub(crate) figures: Figures,
    pub(crate) ledger: i64,
}

impl StockBefore {
    /// Whether the figures are what initial + adjustments come to.
    pub(crate) const fn balances(&self) -> bool {
        let Figures {
            available,
            reserved,
            sold,
            ..
        } = self.figures;
        available.saturating_add(reserved).saturating_add(sold) == self.ledger
    }
}

static STOCKS: Statement = Statement::among(
    "SELECT sku_id, location_id, available_quantity, reserved_quantity, sold_quantity, version,
            ledger_quantity
     FROM stock_item WHERE sku_id IN (",
);

/// The rows of stocks, in the order asked.
///
/// # Errors
/// Those of the database.
pub(crate) async fn stocks(
    connection: &mut MySqlConnection,
    keys: &[&StockKey],
) -> Result<Vec<Option<StockBefore>>, sqlx::Error> {
    // The other locations of a SKU come along; most have one.
    let mut skus: Vec<&str> = keys.iter().map(|key| key.sku.as_str()).collect();
    skus.sort_unstable();
    skus.dedup();
    let rows = STOCKS
        .fetch(connection, &skus, |sku, values| {
            values.push(*sku);
        })
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let key: (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let figures = Figures {
            available: row.try_get(2)?,
            reserved: row.try_get(3)?,
            sold: row.try_get(4)?,
            version: row.try_get(5)?,
        };
        let ledger = row.try_get(6)?;
        found.insert(key, StockBefore { figures, ledger });
    }
    let of = |key: &&StockKey| {
        found
            .get(&(key.sku.as_str(), key.location.as_str()))
            .copied()
    };
    Ok(keys.iter().map(of).collect())
}

static RESERVATIONS: Statement = Statement::among(
    "SELECT reservation_id, changed_epoch, changed_n FROM reservation WHERE reservation_id IN (",
);

/// The journal entries of the last changes of reservations, in the order asked.
///
/// # Errors
/// Those of the database.
pub(crate) async fn reservations(
    connection: &mut MySqlConnection,
    ids: &[&ReservationId],
) -> Result<Vec<Option<JournalId>>, sqlx::Error> {
    let rows = RESERVATIONS
        .fetch(connection, ids, |id, values| {
            values.push(id.as_str());
        })
        .await?;
    let mut found: HashMap<&str, JournalId> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let changed = JournalId {
            epoch: Epoch(row.try_get(1)?),
            n: row.try_get(2)?,
        };
        found.insert(row.try_get(0)?, changed);
    }
    Ok(ids
        .iter()
        .map(|id| found.get(id.as_str()).copied())
        .collect())
}
