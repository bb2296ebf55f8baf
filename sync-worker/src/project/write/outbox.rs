//! Events, into the outbox.

use inventory_core::ShardId;
use sqlx::MySqlConnection;

use crate::{
    cursor::shard_number,
    project::{
        events::{self, NoEvent, Outlet},
        rows::ChangeRows,
    },
};

/// Writes the events of changes, which are in the order of the journal.
///
/// # Errors
/// Those of the database; [`sqlx::Error::Encode`] where a change has an event that cannot be made.
pub(super) async fn outbox(
    connection: &mut MySqlConnection,
    shard: ShardId,
    changes: &[&ChangeRows],
    outlet: Outlet<'_>,
) -> Result<(), sqlx::Error> {
    let rows = events::of_changes(outlet.lineage, shard_number(shard), changes)?;
    let outbox = outlet.events.outbox();
    let inserted = outbox.insert_rows(connection, &rows).await;
    inserted.map_err(|error| NoEvent::from(error).into())
}
