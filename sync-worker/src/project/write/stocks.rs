//! Figures of stocks, and how they compare with the rows that they replace.

use sqlx::MySqlConnection;

use super::Mode;
use crate::{
    project::{
        before::{self, StockBefore},
        plan::{Drift, Plan, StockWrite},
        sql::Statement,
    },
    time,
};

static STOCKS: Statement = Statement::rows(
    "INSERT INTO stock_item
       (sku_id, location_id, available_quantity, reserved_quantity, sold_quantity, version,
        ledger_quantity, retired, changed_epoch, changed_n, updated_at)
     VALUES",
    "(?,?,?,?,?,?,?,?,?,?,?)",
    "ON DUPLICATE KEY UPDATE
       available_quantity = VALUES(available_quantity),
       reserved_quantity = VALUES(reserved_quantity),
       sold_quantity = VALUES(sold_quantity),
       version = VALUES(version),
       ledger_quantity = ledger_quantity + VALUES(ledger_quantity),
       retired = VALUES(retired),
       changed_epoch = VALUES(changed_epoch),
       changed_n = VALUES(changed_n),
       updated_at = VALUES(updated_at)",
);

static LEDGER: &str = "UPDATE stock_item SET ledger_quantity = ledger_quantity + ?
                       WHERE sku_id = ? AND location_id = ?";

/// Writes the figures that a plan leaves; the changes that do not follow from their row.
///
/// # Errors
/// Those of the database.
pub(super) async fn stocks<'a>(
    connection: &mut MySqlConnection,
    plan: &Plan<'a>,
    mode: Mode,
) -> Result<Vec<Drift<'a>>, sqlx::Error> {
    let keys: Vec<_> = plan.stocks.iter().map(|write| write.key).collect();
    let before = before::stocks(connection, &keys).await?;
    let mut drifts = Vec::new();
    let mut rows: Vec<(&StockWrite<'_>, i64)> = Vec::with_capacity(plan.stocks.len());
    for (write, before) in plan.stocks.iter().zip(before) {
        if mode == Mode::Following {
            drifts.extend(drift(write, before));
        }
        // Every change counts that the row has not taken.
        let taken = before.filter(|_| mode == Mode::Guarded);
        let taken = taken.map_or(i64::MIN, |before| before.figures.version);
        let deltas = write.ledger.iter().filter(|(version, _)| *version > taken);
        let delta = deltas.fold(0_i64, |sum, (_, delta)| sum.saturating_add(*delta));
        match before {
            Some(before)
                if mode != Mode::Following && before.figures.version >= write.after.version =>
            {
                // Books that balance have been put right without the change that was left out.
                if mode == Mode::Late && delta != 0 && !before.balances() {
                    sqlx::query(LEDGER)
                        .bind(delta)
                        .bind(write.key.sku.as_str())
                        .bind(write.key.location.as_str())
                        .execute(&mut *connection)
                        .await?;
                }
            }
            _ => rows.push((write, delta)),
        }
    }
    STOCKS
        .run(connection, &rows, |(write, delta), values| {
            values
                .push(write.key.sku.as_str())
                .push(write.key.location.as_str())
                .push(write.after.available)
                .push(write.after.reserved)
                .push(write.after.sold)
                .push(write.after.version)
                .push(*delta)
                .push(write.last.retires())
                .push(write.last.id.epoch.0)
                .push(write.last.id.n)
                .push(time::sql(write.last.at));
        })
        .await?;
    Ok(drifts)
}

fn drift<'a>(write: &StockWrite<'a>, before: Option<StockBefore>) -> Option<Drift<'a>> {
    let (change, said) = write.first?;
    let was = before.map(|before| before.figures);
    let as_said = match was {
        Some(was) => was == said,
        // A stock begins with nothing, at version 0.
        None => [said.available, said.reserved, said.sold, said.version] == [0; 4],
    };
    (!as_said).then(|| Drift::of(write.key, change, was, said))
}
