//! Figures: none below 0, reserved is what open holds hold, the ledger adds up, and MariaDB is never
//! ahead of Redis.

use std::collections::HashMap;

use inventory_core::{Kept, StockKey};
use sqlx::{MySqlConnection, Row};

use super::{Checked, Violation};
use crate::{
    limits::{SLICE_KEYS_MAX, VERIFY_PAGE_ROWS},
    reconcile::{
        check::{STOCK_COLUMNS, StockRow, stock_key},
        exit::Trouble,
        stores::Both,
    },
};

pub(super) async fn figures(
    both: &Both,
    found: &mut Vec<Violation>,
    checked: &mut Checked,
) -> Result<(), Trouble> {
    let mut snapshot = both.snapshot().await?;
    let mut held = held(&mut snapshot, checked).await?;
    let mut after = None;
    loop {
        let page = page(&mut snapshot, after.as_ref(), VERIFY_PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for row in &page {
            checked.stocks += 1;
            let held = held.remove(&row.key).unwrap_or_default();
            of_one(row, held, found);
        }
    }
    snapshot.commit().await?;
    for (key, units) in held {
        let detail = format!("open holds hold {units} units of a stock that is not there");
        found.push(Violation::new("reserved", key, detail));
    }
    Ok(())
}

fn of_one(row: &StockRow, held: i64, found: &mut Vec<Violation>) {
    let [available, reserved, sold] = row.figures;
    for (name, figure) in [
        ("available", available),
        ("reserved", reserved),
        ("sold", sold),
    ] {
        if figure < 0 {
            found.push(Violation::new(
                "not-negative",
                &row.key,
                format!("{name} {figure}"),
            ));
        }
    }
    if reserved != held {
        let detail = format!("reserved {reserved}, open holds hold {held}");
        found.push(Violation::new("reserved", &row.key, detail));
    }
    if row.sum() != row.ledger {
        let detail = format!(
            "available {available} + reserved {reserved} + sold {sold}, ledger {}",
            row.ledger
        );
        found.push(Violation::new("ledger", &row.key, detail));
    }
}

/// What open holds hold, by stock.
async fn held(
    connection: &mut MySqlConnection,
    checked: &mut Checked,
) -> Result<HashMap<StockKey, i64>, Trouble> {
    let mut held: HashMap<StockKey, i64> = HashMap::new();
    let (mut deadline, mut id) = ("1000-01-01".to_owned(), String::new());
    loop {
        let rows = sqlx::query(
            "SELECT r.reservation_id, CAST(r.expires_at AS CHAR) AS expires_text, i.sku_id,
                 i.location_id, i.quantity
             FROM (SELECT reservation_id, expires_at FROM reservation
                   WHERE status = 'RESERVED'
                     AND (expires_at > ? OR expires_at = ? AND reservation_id > ?)
                   ORDER BY expires_at, reservation_id LIMIT ?) r
             JOIN reservation_item i ON i.reservation_id = r.reservation_id",
        )
        .bind(&deadline)
        .bind(&deadline)
        .bind(&id)
        .bind(VERIFY_PAGE_ROWS)
        .fetch_all(&mut *connection)
        .await?;
        let mut last: Option<(String, String)> = None;
        let mut before = String::new();
        for row in &rows {
            let place = (row.try_get("expires_text")?, row.try_get("reservation_id")?);
            if before != place.1 {
                checked.open_holds += 1;
                before.clone_from(&place.1);
            }
            last = last.max(Some(place));
            let units: u32 = row.try_get("quantity")?;
            *held.entry(stock_key(row)?).or_default() += i64::from(units);
        }
        match last {
            Some(last) => (deadline, id) = last,
            None => return Ok(held),
        }
    }
}

/// Rows of `stock_item` after one, by key.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    after: Option<&StockKey>,
    rows: u32,
) -> Result<Vec<StockRow>, sqlx::Error> {
    let sql = format!(
        "SELECT {STOCK_COLUMNS} FROM stock_item
         WHERE sku_id > ? OR sku_id = ? AND location_id > ? ORDER BY sku_id, location_id LIMIT ?"
    );
    let sku = after.map_or("", |key| key.sku.as_str());
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(sku)
        .bind(sku)
        .bind(after.map_or("", |key| key.location.as_str()))
        .bind(rows)
        .fetch_all(connection)
        .await?;
    rows.iter().map(StockRow::read).collect()
}

/// Rows are read before Redis, which only goes forward: a version that is higher was never there.
pub(super) async fn versions(both: &Both, found: &mut Vec<Violation>) -> Result<(), Trouble> {
    let slice = u32::try_from(SLICE_KEYS_MAX).unwrap_or(u32::MAX);
    let mut after = None;
    loop {
        let mut connection = both.pool.acquire().await?;
        let page = page(&mut connection, after.as_ref(), slice).await?;
        drop(connection);
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.key.clone());
        let keys: Vec<_> = page.iter().map(|row| row.key.clone()).collect();
        let cut = both.engine.cut(both.shard, &keys, &[]).await?;
        for (row, kept) in page.iter().zip(&cut.stocks) {
            if let Kept::Is([.., version]) = kept
                && i64::try_from(*version).is_ok_and(|version| version < row.version)
            {
                let detail = format!("MariaDB has version {}, Redis {version}", row.version);
                found.push(Violation::new("version", &row.key, detail));
            }
        }
    }
}
