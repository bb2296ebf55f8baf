//! Whole rows, as they are copied from Redis. A row that the tables have from a later change stays:
//! a stock by its version, everything else by the journal entry of its last change.
//!
//! To be called inside a transaction that has locked the cursor: then nobody else writes.

use inventory_core::{
    CustomerId, JournalId, OperationId, Reservation, ReservationId, Sku, StockKey, TimestampMs,
    engine::{parse_reservation, stored_stamp},
};
use sqlx::MySqlConnection;

use super::{
    allowance::LimitNow,
    before,
    rows::signed,
    sql::{Statement, Values},
    write::{FORGET_ITEMS, RESERVATIONS, bind_limit, bind_reservation, insert_items, items_of},
};
use crate::time;

/// A column that takes the new value if the new row's change is not older. The columns that say which
/// change it was come last: `changed_n`, then `changed_epoch`.
macro_rules! unless_older {
    ($column:literal) => {
        concat!(
            $column,
            " = IF(VALUES(changed_epoch) > changed_epoch
                OR VALUES(changed_epoch) = changed_epoch AND VALUES(changed_n) >= changed_n, VALUES(",
            $column,
            "), ",
            $column,
            ")"
        )
    };
}

/// A column that takes the new value if the new row's version is not older. `version` comes last.
macro_rules! unless_lower {
    ($column:literal) => {
        concat!(
            $column,
            " = IF(VALUES(version) >= version, VALUES(",
            $column,
            "), ",
            $column,
            ")"
        )
    };
}

/// A row of `stock_item`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRow {
    /// Which stock.
    pub key: StockKey,
    /// Units available.
    pub available: u64,
    /// Units reserved.
    pub reserved: u64,
    /// Units sold.
    pub sold: u64,
    /// Its version.
    pub version: u64,
    /// Initial + adjustments.
    pub ledger: i64,
    /// Whether it was removed; it goes on from here if it is created again.
    pub retired: bool,
    /// The journal entry that the figures are as of.
    pub changed: JournalId,
    /// When that was.
    pub at: TimestampMs,
}

static STOCKS: Statement = Statement::rows(
    "INSERT INTO stock_item
       (sku_id, location_id, available_quantity, reserved_quantity, sold_quantity, ledger_quantity,
        retired, changed_epoch, changed_n, updated_at, version)
     VALUES",
    "(?,?,?,?,?,?,?,?,?,?,?)",
    concat!(
        "ON DUPLICATE KEY UPDATE ",
        unless_lower!("available_quantity"),
        ",",
        unless_lower!("reserved_quantity"),
        ",",
        unless_lower!("sold_quantity"),
        ",",
        unless_lower!("ledger_quantity"),
        ",",
        unless_lower!("retired"),
        ",",
        unless_lower!("changed_epoch"),
        ",",
        unless_lower!("changed_n"),
        ",",
        unless_lower!("updated_at"),
        ",",
        unless_lower!("version"),
    ),
);

/// Writes stocks, unless the table has a later version.
///
/// # Errors
/// Those of the database.
pub async fn upsert_stocks(
    connection: &mut MySqlConnection,
    rows: &[StockRow],
) -> Result<(), sqlx::Error> {
    STOCKS
        .run(connection, rows, |row, values| {
            values
                .push(row.key.sku.as_str())
                .push(row.key.location.as_str())
                .push(signed(row.available))
                .push(signed(row.reserved))
                .push(signed(row.sold))
                .push(row.ledger)
                .push(row.retired)
                .push(row.changed.epoch.0)
                .push(row.changed.n)
                .push(time::sql(row.at))
                .push(signed(row.version));
        })
        .await?;
    Ok(())
}

/// A row of `reservation`, with those of `reservation_item`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRow {
    /// What the stored bytes say; its lines are the items.
    pub reservation: Reservation,
    /// The record as Redis keeps it.
    pub stored: Vec<u8>,
}

impl ReservationRow {
    /// The rows that stored bytes come to. `None`: these bytes are no reservation.
    #[must_use]
    pub fn from_stored(id: &ReservationId, stored: &[u8]) -> Option<Self> {
        Some(Self {
            reservation: parse_reservation(id, stored)?,
            stored: stored.to_vec(),
        })
    }

    /// When it last changed, as far as the record tells: it does not keep when it was extended or
    /// bound.
    #[must_use]
    pub fn changed_at(&self) -> TimestampMs {
        let record = &self.reservation;
        let confirmed = record.confirmed.iter().map(|confirmed| confirmed.at);
        let released = record.released.iter().map(|released| released.at);
        let returned = record.returns.iter().map(|returned| returned.at);
        confirmed
            .chain(released)
            .chain(returned)
            .chain(record.expired_at)
            .fold(record.created, TimestampMs::max)
    }
}

/// Writes reservations and their items, unless the table has a later change.
///
/// # Errors
/// Those of the database.
pub async fn upsert_reservations(
    connection: &mut MySqlConnection,
    rows: &[ReservationRow],
) -> Result<(), sqlx::Error> {
    let ids: Vec<_> = rows.iter().map(|row| &row.reservation.id).collect();
    let newest = before::reservations(connection, &ids).await?;
    let rows: Vec<&ReservationRow> = rows
        .iter()
        .zip(newest)
        .filter(|(row, newest)| *newest <= Some(row.reservation.last_change))
        .map(|(row, _)| row)
        .collect();
    RESERVATIONS
        .run(connection, &rows, |row, values| {
            let reservation = &row.reservation;
            let changed_at = time::sql(row.changed_at());
            let changed = reservation.last_change;
            bind_reservation(reservation, &changed_at, changed, &row.stored, values);
        })
        .await?;
    FORGET_ITEMS
        .run(connection, &rows, |row, values| {
            values.push(row.reservation.id.as_str());
        })
        .await?;
    let items: Vec<_> = rows
        .iter()
        .flat_map(|row| items_of(&row.reservation))
        .collect();
    insert_items(connection, &items).await
}

/// A row of `stock_operation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRow {
    /// Which adjustment or count.
    pub id: OperationId,
    /// The outcome as Redis keeps it.
    pub stored: Vec<u8>,
    /// When it came about.
    pub at: TimestampMs,
    /// The journal entry of it.
    pub changed: JournalId,
}

impl OperationRow {
    /// The row that stored bytes come to. `None`: these bytes are no outcome.
    #[must_use]
    pub fn from_stored(id: &OperationId, stored: &[u8]) -> Option<Self> {
        let (changed, at) = stored_stamp(stored)?;
        Some(Self {
            id: id.clone(),
            stored: stored.to_vec(),
            at,
            changed,
        })
    }
}

pub(super) static OPERATIONS: Statement = Statement::rows(
    "INSERT INTO stock_operation (operation_id, stored, changed_at, changed_n, changed_epoch) VALUES",
    "(?,?,?,?,?)",
    concat!(
        "ON DUPLICATE KEY UPDATE ",
        unless_older!("stored"),
        ",",
        unless_older!("changed_at"),
        ",",
        unless_older!("changed_n"),
        ",",
        unless_older!("changed_epoch"),
    ),
);

pub(super) fn bind_operation(
    id: &OperationId,
    stored: &[u8],
    at: TimestampMs,
    changed: JournalId,
    values: &mut Values,
) {
    values
        .push(id.as_str())
        .push(stored)
        .push(time::sql(at))
        .push(changed.n)
        .push(changed.epoch.0);
}

/// Writes outcomes, unless the table has a later one under the id.
///
/// # Errors
/// Those of the database.
pub async fn upsert_operations(
    connection: &mut MySqlConnection,
    rows: &[OperationRow],
) -> Result<(), sqlx::Error> {
    OPERATIONS
        .run(connection, rows, |row, values| {
            bind_operation(&row.id, &row.stored, row.at, row.changed, values);
        })
        .await?;
    Ok(())
}

/// A row of `purchase_limit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// Whose.
    pub sku: Sku,
    /// Units per customer.
    pub quantity: u32,
    /// Its rolling window in ms; 0: for life.
    pub window_ms: u64,
    /// The journal entry since which it counts.
    pub generation: JournalId,
    /// The journal entry that the row is as of.
    pub changed: JournalId,
}

pub(super) static LIMITS: Statement = Statement::rows(
    "INSERT INTO purchase_limit
       (sku_id, quantity, window_ms, generation_epoch, generation_n, changed_epoch, changed_n)
     VALUES",
    "(?,?,?,?,?,?,?)",
    concat!(
        "ON DUPLICATE KEY UPDATE ",
        unless_older!("quantity"),
        ",",
        unless_older!("window_ms"),
        ",",
        unless_older!("generation_epoch"),
        ",",
        unless_older!("generation_n"),
        ",",
        unless_older!("changed_n"),
        ",",
        unless_older!("changed_epoch"),
    ),
);

/// Writes limits, unless the table has a later change.
///
/// # Errors
/// Those of the database.
pub async fn upsert_limits(
    connection: &mut MySqlConnection,
    rows: &[LimitRow],
) -> Result<(), sqlx::Error> {
    LIMITS
        .run(connection, rows, |row, values| {
            let limit = LimitNow {
                quantity: row.quantity,
                window_ms: row.window_ms,
                generation: row.generation,
                changed: row.changed,
            };
            bind_limit(row.sku.as_str(), &limit, values);
        })
        .await?;
    Ok(())
}

/// Removes the limit of a SKU, and what counted against it.
///
/// # Errors
/// Those of the database.
pub async fn remove_limit(connection: &mut MySqlConnection, sku: &Sku) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM purchase_limit WHERE sku_id = ?")
        .bind(sku.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM purchase_used WHERE sku_id = ?")
        .bind(sku.as_str())
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Removes what counted against limits that a SKU had before.
///
/// # Errors
/// Those of the database.
pub async fn forget_other_generations(
    connection: &mut MySqlConnection,
    sku: &Sku,
    generation: JournalId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM purchase_used
         WHERE sku_id = ? AND (generation_epoch <> ? OR generation_n <> ?)",
    )
    .bind(sku.as_str())
    .bind(generation.epoch.0)
    .bind(generation.n)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// A row of `purchase_used`: one slice of what one customer used of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedRow {
    /// Whose limit.
    pub sku: Sku,
    /// Who.
    pub customer: CustomerId,
    /// The slice of the window; 0 for life.
    pub slice: u64,
    /// The journal entry since which the limit counts.
    pub generation: JournalId,
    /// Units.
    pub units: u64,
    /// The journal entry that the row is as of.
    pub changed: JournalId,
}

impl UsedRow {
    /// The rows that a counter comes to as Redis keeps it: units, or `<slice>:<units> …`. `None`:
    /// this text is no counter.
    #[must_use]
    pub fn from_counter(
        sku: &Sku,
        generation: JournalId,
        customer: &CustomerId,
        counter: &str,
        changed: JournalId,
    ) -> Option<Vec<Self>> {
        let row = |slice: &str, units: &str| {
            Some(Self {
                sku: sku.clone(),
                customer: customer.clone(),
                slice: slice.parse().ok()?,
                generation,
                units: units.parse().ok()?,
                changed,
            })
        };
        counter
            .split(' ')
            .map(|part| match part.split_once(':') {
                Some((slice, units)) => row(slice, units),
                None => row("0", part),
            })
            .collect()
    }
}

static FORGET_CUSTOMERS: Statement = Statement::any(
    "DELETE FROM purchase_used WHERE",
    "(sku_id = ? AND generation_epoch = ? AND generation_n = ? AND customer_id = ?
      AND (changed_epoch < ? OR changed_epoch = ? AND changed_n <= ?))",
);

static USED: Statement = Statement::rows(
    "INSERT INTO purchase_used
       (sku_id, customer_id, slice, generation_epoch, generation_n, units, changed_epoch, changed_n)
     VALUES",
    "(?,?,?,?,?,?,?,?)",
    concat!(
        "ON DUPLICATE KEY UPDATE ",
        unless_older!("units"),
        ",",
        unless_older!("changed_n"),
        ",",
        unless_older!("changed_epoch"),
    ),
);

/// Replaces all slices of the customers named, but for those that changed later. The rows of one
/// customer must all be there.
///
/// # Errors
/// Those of the database.
pub async fn replace_used(
    connection: &mut MySqlConnection,
    rows: &[UsedRow],
) -> Result<(), sqlx::Error> {
    FORGET_CUSTOMERS
        .run(connection, rows, |row, values| {
            values
                .push(row.sku.as_str())
                .push(row.generation.epoch.0)
                .push(row.generation.n)
                .push(row.customer.as_str())
                .push(row.changed.epoch.0)
                .push(row.changed.epoch.0)
                .push(row.changed.n);
        })
        .await?;
    USED.run(connection, rows, |row, values| {
        values
            .push(row.sku.as_str())
            .push(row.customer.as_str())
            .push(row.slice)
            .push(row.generation.epoch.0)
            .push(row.generation.n)
            .push(signed(row.units))
            .push(row.changed.epoch.0)
            .push(row.changed.n);
    })
    .await?;
    Ok(())
}
