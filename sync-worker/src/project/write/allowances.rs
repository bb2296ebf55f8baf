//! Purchase limits and what counts against them.

use sqlx::MySqlConnection;

use super::Mode;
use crate::project::{
    allowance::{Allowances, Counter, LimitNow, Spent},
    sql::{Statement, Values},
    state,
};

/// Signed: what is given back where nothing is there comes to nothing and goes again.
static USED: Statement = Statement::rows(
    "INSERT INTO purchase_used
       (sku_id, customer_id, slice, generation_epoch, generation_n, units, changed_epoch, changed_n)
     VALUES",
    "(?,?,?,?,?,?,?,?)",
    "ON DUPLICATE KEY UPDATE
       units = IF(VALUES(changed_epoch) > changed_epoch
           OR VALUES(changed_epoch) = changed_epoch AND VALUES(changed_n) > changed_n,
         GREATEST(0, GREATEST(0, units) + VALUES(units)), units),
       changed_n = IF(VALUES(changed_epoch) > changed_epoch
           OR VALUES(changed_epoch) = changed_epoch AND VALUES(changed_n) > changed_n,
         VALUES(changed_n), changed_n),
       changed_epoch = GREATEST(changed_epoch, VALUES(changed_epoch))",
);

/// The same for a change that comes late: what came after it has not taken it into account.
static USED_LATE: Statement = Statement::rows(
    "INSERT INTO purchase_used
       (sku_id, customer_id, slice, generation_epoch, generation_n, units, changed_epoch, changed_n)
     VALUES",
    "(?,?,?,?,?,?,?,?)",
    "ON DUPLICATE KEY UPDATE units = GREATEST(0, GREATEST(0, units) + VALUES(units))",
);

static FORGET_USED_UP: Statement = Statement::any(
    "DELETE FROM purchase_used WHERE",
    "(sku_id = ? AND generation_epoch = ? AND generation_n = ? AND customer_id = ? AND slice = ?
      AND units <= 0)",
);

/// As the scripts do when they write a counter: what has passed goes.
static FORGET_PASSED: Statement = Statement::any(
    "DELETE FROM purchase_used WHERE",
    "(sku_id = ? AND generation_epoch = ? AND generation_n = ? AND customer_id = ? AND slice < ?)",
);

/// Writes what changes did to limits and counters.
///
/// # Errors
/// Those of the database.
pub(super) async fn allowances(
    connection: &mut MySqlConnection,
    allowances: &Allowances,
    mode: Mode,
) -> Result<(), sqlx::Error> {
    for (sku, limit) in &allowances.limits {
        match limit {
            Some(limit) => {
                state::LIMITS
                    .run(connection, &[(sku, limit)], |(sku, limit), values| {
                        bind_limit(sku.as_str(), limit, values);
                    })
                    .await?;
                state::forget_other_generations(connection, sku, limit.generation).await?;
            }
            None => state::remove_limit(connection, sku).await?,
        }
    }
    let spent: Vec<(&Counter, &Spent)> = allowances.spent.iter().collect();
    let statement = match mode {
        Mode::Following | Mode::Guarded => &USED,
        Mode::Late => &USED_LATE,
    };
    statement
        .run(connection, &spent, |(counter, spent), values| {
            values
                .push(counter.sku.as_str())
                .push(counter.customer.as_str())
                .push(counter.slice)
                .push(counter.generation.epoch.0)
                .push(counter.generation.n)
                .push(spent.units)
                .push(spent.changed.epoch.0)
                .push(spent.changed.n);
        })
        .await?;
    let passed: Vec<_> = spent
        .iter()
        .filter(|(_, spent)| spent.first_slice > 0)
        .collect();
    FORGET_PASSED
        .run(connection, &passed, |(counter, spent), values| {
            bind_counter(counter, spent.first_slice, values);
        })
        .await?;
    let back: Vec<&Counter> = spent
        .into_iter()
        .filter(|(_, spent)| spent.units < 0)
        .map(|(counter, _)| counter)
        .collect();
    FORGET_USED_UP
        .run(connection, &back, |counter, values| {
            bind_counter(counter, counter.slice, values);
        })
        .await?;
    Ok(())
}

/// The key of a row of `purchase_used`.
fn bind_counter(counter: &Counter, slice: u64, values: &mut Values) {
    values
        .push(counter.sku.as_str())
        .push(counter.generation.epoch.0)
        .push(counter.generation.n)
        .push(counter.customer.as_str())
        .push(slice);
}

/// The values of a row of `purchase_limit`.
pub(crate) fn bind_limit(sku: &str, limit: &LimitNow, values: &mut Values) {
    values
        .push(sku)
        .push(limit.quantity)
        .push(limit.window_ms)
        .push(limit.generation.epoch.0)
        .push(limit.generation.n)
        .push(limit.changed.epoch.0)
        .push(limit.changed.n);
}
