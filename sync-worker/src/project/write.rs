//! Writes a plan into the tables, inside a transaction that someone else began and ends.

mod allowances;
mod audit;
mod outbox;
mod reservations;
mod stocks;

use inventory_core::ShardId;
use sqlx::MySqlConnection;

pub(super) use allowances::bind_limit;
pub(super) use reservations::{
    FORGET_ITEMS, RESERVATIONS, bind_reservation, insert_items, items_of,
};

use super::{
    allowance,
    events::Outlet,
    plan::{Drift, Plan},
    rows::ChangeRows,
    state,
};

/// What the rows in the tables are, compared with the entries that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All that came before the entries, and nothing of them.
    Following,
    /// Perhaps copied from Redis after the entries: what is newer stays.
    Guarded,
    /// All but these changes, and perhaps much that came after them.
    Late,
}

/// Writes all rows of a plan, and its events where there is an outlet for them. The changes whose before-values are not what there was; looked at
/// in [`Mode::Following`] only.
///
/// # Errors
/// Those of the database; some rows may have been written then.
pub(crate) async fn write<'a>(
    connection: &mut MySqlConnection,
    shard: ShardId,
    plan: &Plan<'a>,
    mode: Mode,
    outlet: Option<Outlet<'_>>,
) -> Result<Vec<Drift<'a>>, sqlx::Error> {
    // Before the stocks are written: it looks where there was stock.
    let guarded = mode == Mode::Guarded;
    let allowances = allowance::of(connection, &plan.changes, guarded).await?;
    audit::audit(connection, shard, &plan.changes).await?;
    let drifts = stocks::stocks(connection, plan, mode).await?;
    reservations::reservations(connection, plan, mode).await?;
    operations(connection, plan).await?;
    allowances::allowances(connection, &allowances, mode).await?;
    if let Some(outlet) = outlet {
        outbox::outbox(connection, shard, &plan.changes, outlet).await?;
    }
    Ok(drifts)
}

async fn operations(connection: &mut MySqlConnection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
    state::OPERATIONS
        .run(connection, &plan.operations, |write, values| {
            let ChangeRows { id, at, .. } = write.last;
            state::bind_operation(write.id, write.stored, *at, *id, values);
        })
        .await?;
    Ok(())
}
