//! MariaDB's side, read in slices.

use std::collections::HashMap;

use inventory_core::{Epoch, JournalId, Location, ReservationId, Sku, StockKey};
use serde_json::{Value, json};
use sqlx::{MySqlConnection, QueryBuilder, Row, mysql::MySqlRow};

/// A row of `stock_item`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::reconcile) struct StockRow {
    pub(in crate::reconcile) key: StockKey,
    /// available, reserved, sold.
    pub(in crate::reconcile) figures: [i64; 3],
    pub(in crate::reconcile) version: i64,
    pub(in crate::reconcile) ledger: i64,
    pub(in crate::reconcile) retired: bool,
    pub(in crate::reconcile) changed: JournalId,
    /// As a `DATETIME(3)` is written.
    pub(in crate::reconcile) updated_at: String,
}

/// The columns of [`StockRow`].
pub(in crate::reconcile) const STOCK_COLUMNS: &str =
    "sku_id, location_id, available_quantity, reserved_quantity, sold_quantity, version,
     ledger_quantity, retired, changed_epoch, changed_n, CAST(updated_at AS CHAR) AS updated_text";

impl StockRow {
    /// Reads a row with [`STOCK_COLUMNS`].
    pub(in crate::reconcile) fn read(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: stock_key(row)?,
            figures: [
                row.try_get("available_quantity")?,
                row.try_get("reserved_quantity")?,
                row.try_get("sold_quantity")?,
            ],
            version: row.try_get("version")?,
            ledger: row.try_get("ledger_quantity")?,
            retired: row.try_get("retired")?,
            changed: changed(row)?,
            updated_at: row.try_get("updated_text")?,
        })
    }

    pub(in crate::reconcile) fn json(&self) -> Value {
        let [available, reserved, sold] = self.figures;
        let mut json = json!({
            "available": available, "reserved": reserved, "sold": sold,
            "version": self.version, "ledger": self.ledger,
        });
        if self.retired {
            json["retired"] = json!(true);
        }
        json
    }

    /// available + reserved + sold.
    pub(in crate::reconcile) fn sum(&self) -> i64 {
        self.figures.iter().fold(0, |sum, f| sum.saturating_add(*f))
    }
}

/// A row of `reservation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::reconcile) struct ReservationRow {
    pub(in crate::reconcile) id: ReservationId,
    pub(in crate::reconcile) status: String,
    pub(in crate::reconcile) order: Option<String>,
    pub(in crate::reconcile) customer: Option<String>,
    /// This and the others as a `DATETIME(3)` is written.
    pub(in crate::reconcile) created_at: String,
    pub(in crate::reconcile) expires_at: String,
    pub(in crate::reconcile) changed_at: String,
    pub(in crate::reconcile) changed: JournalId,
    pub(in crate::reconcile) stored: Vec<u8>,
}

/// A row of `reservation_item`: the stock, then quantity, confirmed and returned.
pub(in crate::reconcile) type ItemRow = (StockKey, [u32; 3]);

/// A broken id in a table: nothing of ours writes one.
pub(in crate::reconcile) fn broken(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} is none of ours").into())
}

pub(in crate::reconcile) fn stock_key(row: &MySqlRow) -> Result<StockKey, sqlx::Error> {
    let (sku, location): (String, String) = (row.try_get("sku_id")?, row.try_get("location_id")?);
    Ok(StockKey {
        sku: Sku::parse(&sku).map_err(|_| broken(&format!("SKU {sku:?}")))?,
        location: Location::parse(&location)
            .map_err(|_| broken(&format!("location {location:?}")))?,
    })
}

pub(in crate::reconcile) fn changed(row: &MySqlRow) -> Result<JournalId, sqlx::Error> {
    Ok(JournalId {
        epoch: Epoch(row.try_get("changed_epoch")?),
        n: row.try_get("changed_n")?,
    })
}

/// `select ... IN (?, ?, ...)` with `values` behind it.
pub(in crate::reconcile) async fn rows_in(
    connection: &mut MySqlConnection,
    select: &str,
    values: impl Iterator<Item = String>,
) -> Result<Vec<MySqlRow>, sqlx::Error> {
    let mut query = QueryBuilder::<sqlx::MySql>::new(select);
    query.push(" IN (");
    let (mut list, mut any) = (query.separated(", "), false);
    for value in values {
        list.push_bind(value);
        any = true;
    }
    if !any {
        return Ok(Vec::new());
    }
    query.push(")");
    query.build().fetch_all(connection).await
}

/// Rows of `stock_item`. By SKU: MariaDB makes no range of a list of pairs.
pub(in crate::reconcile) async fn stock_rows(
    connection: &mut MySqlConnection,
    keys: &[StockKey],
) -> Result<HashMap<StockKey, StockRow>, sqlx::Error> {
    let select = format!("SELECT {STOCK_COLUMNS} FROM stock_item WHERE sku_id");
    let skus = keys.iter().map(|key| key.sku.to_string());
    let rows = rows_in(connection, &select, skus).await?;
    let rows = rows.iter().map(StockRow::read);
    rows.map(|row| row.map(|row| (row.key.clone(), row)))
        .collect()
}

/// Rows of `reservation`.
pub(in crate::reconcile) async fn reservation_rows(
    connection: &mut MySqlConnection,
    ids: &[ReservationId],
) -> Result<HashMap<ReservationId, ReservationRow>, sqlx::Error> {
    let select = "SELECT reservation_id, status, order_id, customer_id,
            CAST(created_at AS CHAR) AS created_text, CAST(expires_at AS CHAR) AS expires_text,
            CAST(changed_at AS CHAR) AS changed_text, changed_epoch, changed_n, stored
        FROM reservation WHERE reservation_id";
    let rows = rows_in(connection, select, ids.iter().map(ToString::to_string)).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = reservation_id(&row)?;
        let row = ReservationRow {
            id: id.clone(),
            status: row.try_get("status")?,
            order: row.try_get("order_id")?,
            customer: row.try_get("customer_id")?,
            created_at: row.try_get("created_text")?,
            expires_at: row.try_get("expires_text")?,
            changed_at: row.try_get("changed_text")?,
            changed: changed(&row)?,
            stored: row.try_get("stored")?,
        };
        found.insert(id, row);
    }
    Ok(found)
}

/// Rows of `reservation_item`, by reservation, in the order of their stocks.
pub(in crate::reconcile) async fn item_rows(
    connection: &mut MySqlConnection,
    ids: &[ReservationId],
) -> Result<HashMap<ReservationId, Vec<ItemRow>>, sqlx::Error> {
    let select = "SELECT reservation_id, sku_id, location_id, quantity, confirmed_quantity,
            returned_quantity
        FROM reservation_item WHERE reservation_id";
    let rows = rows_in(connection, select, ids.iter().map(ToString::to_string)).await?;
    let mut found: HashMap<ReservationId, Vec<ItemRow>> = HashMap::new();
    for row in rows {
        let quantities = [
            row.try_get("quantity")?,
            row.try_get("confirmed_quantity")?,
            row.try_get("returned_quantity")?,
        ];
        let items = found.entry(reservation_id(&row)?).or_default();
        items.push((stock_key(&row)?, quantities));
    }
    for items in found.values_mut() {
        items.sort();
    }
    Ok(found)
}

pub(in crate::reconcile) fn reservation_id(row: &MySqlRow) -> Result<ReservationId, sqlx::Error> {
    let id: String = row.try_get("reservation_id")?;
    ReservationId::derived(&id).map_err(|_| broken(&format!("reservation {id:?}")))
}
