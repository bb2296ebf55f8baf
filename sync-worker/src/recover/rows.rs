//! Rows of MariaDB as what [`Engine::restore`](inventory_core::engine::Engine::restore) puts.

use inventory_core::{
    Epoch, JournalId, OperationId, ReservationId, Sku, StockKey,
    engine::{Restored, StoreKey},
};
use sqlx::{Row, mysql::MySqlRow};

use super::Trouble;

/// A text column that holds an id.
fn id<T: std::str::FromStr>(row: &MySqlRow, column: &str) -> Result<T, Trouble> {
    let text: String = row.try_get(column)?;
    text.parse()
        .map_err(|_| Trouble::Unreadable(format!("{column} {text:?}")))
}

fn unsigned(row: &MySqlRow, column: &str, of: &StockKey) -> Result<u64, Trouble> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| {
        Trouble::Unreadable(format!("{column} {number} of {}|{}", of.location, of.sku))
    })
}

/// The journal id in two columns.
pub(super) fn journal_id(row: &MySqlRow, epoch: &str, n: &str) -> Result<JournalId, Trouble> {
    Ok(JournalId {
        epoch: Epoch(row.try_get(epoch)?),
        n: row.try_get(n)?,
    })
}

pub(super) fn stock(row: &MySqlRow) -> Result<Restored, Trouble> {
    let key = StockKey {
        location: id(row, "location_id")?,
        sku: id(row, "sku_id")?,
    };
    let sold = unsigned(row, "sold_quantity", &key)?;
    let version = unsigned(row, "version", &key)?;
    if row.try_get("retired")? {
        return Ok(Restored::Retired { key, sold, version });
    }
    let available = unsigned(row, "available_quantity", &key)?;
    let reserved = unsigned(row, "reserved_quantity", &key)?;
    Ok(Restored::Stock {
        key,
        figures: [available, reserved, sold, version],
    })
}

/// Without stored bytes: a repair removed it.
pub(super) fn reservation(row: &MySqlRow) -> Result<Restored, Trouble> {
    let text: String = row.try_get("id")?;
    let id = ReservationId::derived(&text)
        .map_err(|_| Trouble::Unreadable(format!("reservation {text:?}")))?;
    let stored: Option<Vec<u8>> = row.try_get("stored")?;
    Ok(match stored {
        Some(stored) => Restored::Reservation { id, stored },
        None => Restored::Gone(StoreKey::Reservation(id)),
    })
}

pub(super) fn operation(row: &MySqlRow) -> Result<Restored, Trouble> {
    let text: String = row.try_get("id")?;
    Ok(Restored::Operation {
        id: OperationId::derived(&text)
            .map_err(|_| Trouble::Unreadable(format!("operation {text:?}")))?,
        stored: row.try_get("stored")?,
    })
}

pub(super) fn limit(row: &MySqlRow) -> Result<Restored, Trouble> {
    Ok(Restored::Limit {
        sku: id(row, "sku_id")?,
        quantity: row.try_get("quantity")?,
        window_ms: row.try_get("window_ms")?,
        generation: journal_id(row, "generation_epoch", "generation_n")?,
    })
}

/// Whose use of which limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counter {
    sku: Sku,
    generation: JournalId,
    customer: String,
}

impl Counter {
    /// The counter with what it says of each slice. The scripts sort slices as texts.
    pub(super) fn with(self, mut parts: Vec<String>) -> Restored {
        parts.sort_unstable();
        Restored::Used {
            sku: self.sku,
            generation: self.generation,
            customer: self.customer,
            counter: parts.join(" "),
        }
    }
}

/// A counter, and what it says of one slice.
pub(super) fn used(row: &MySqlRow) -> Result<(Counter, String), Trouble> {
    let units: i64 = row.try_get("units")?;
    let (window_ms, slice): (u64, u64) = (row.try_get("window_ms")?, row.try_get("slice")?);
    let counter = Counter {
        sku: id(row, "sku_id")?,
        generation: journal_id(row, "generation_epoch", "generation_n")?,
        customer: row.try_get("customer_id")?,
    };
    let part = match window_ms {
        0 => units.to_string(),
        _ => format!("{slice}:{units}"),
    };
    Ok((counter, part))
}
