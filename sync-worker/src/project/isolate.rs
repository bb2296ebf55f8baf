//! An entry that the database refuses as a whole: its changes in halves, down to the one at fault.

use inventory_core::{OrderId, ShardId, Text};
use service_kit::telemetry;
use sqlx::{Executor as _, MySqlConnection};
use tracing::Span;

use super::{
    batch::{Content, Gathered},
    dead_letter,
    events::Outlet,
    parts::Parts,
    plan::{Drift, Plan},
    rows::ChangeRows,
    write::{self, Mode},
};
use crate::database;

/// What became of an entry's changes.
#[derive(Debug, Default)]
pub(crate) struct Isolated<'a> {
    pub(crate) drifts: Vec<Drift<'a>>,
    /// Changes in `dead_letter`.
    pub(crate) put_aside: u64,
}

/// Writes what can be written of an entry, in order; the rest goes to `dead_letter`, with its events.
///
/// # Errors
/// Those of the database that may pass.
pub(crate) async fn entry<'a>(
    connection: &mut MySqlConnection,
    shard: ShardId,
    entry: &'a Gathered,
    mode: Mode,
    outlet: Option<Outlet<'_>>,
) -> Result<Isolated<'a>, sqlx::Error> {
    let mut done = Isolated::default();
    if let Content::Unreadable(reason) = &entry.content {
        dead_letter::insert(
            connection,
            shard,
            &entry.raw,
            None,
            reason,
            outlet.is_some(),
        )
        .await?;
        done.put_aside = 1;
        return Ok(done);
    }
    let changes = entry.changes();
    let mut parts = Parts::whole(changes.len());
    while let Some(part) = parts.next() {
        let Some(some) = changes.get(part.clone()) else {
            continue;
        };
        let plan = Plan::of(some);
        connection.execute("SAVEPOINT part").await?;
        let error = match write::write(connection, shard, &plan, mode, outlet).await {
            Ok(drifts) => {
                if mode == Mode::Following {
                    done.drifts.extend(drifts.into_iter().chain(plan.drifts));
                }
                continue;
            }
            Err(error) if database::is_transient(&error) => return Err(error),
            Err(error) => error,
        };
        connection.execute("ROLLBACK TO SAVEPOINT part").await?;
        if parts.halve(&part) {
            continue;
        }
        if let [change] = some {
            let reason = error.to_string();
            span(change).in_scope(|| {
                tracing::error!(entry = %change.id, item = change.item, reason, "a change is put aside");
            });
            let (item, events) = (Some(change.item), outlet.is_some());
            dead_letter::insert(connection, shard, &entry.raw, item, &reason, events).await?;
            done.put_aside += 1;
        }
    }
    Ok(done)
}

/// The ids of what asked for a change.
fn span(change: &ChangeRows) -> Span {
    let context = change.change.context();
    let order = change.reservation().and_then(|it| it.order.as_ref());
    let cause = telemetry::Cause {
        correlation_id: order.map(OrderId::as_str),
        causation_id: context.request_id.as_ref().map(Text::as_str),
        traceparent: context.traceparent.as_ref().map(Text::as_str),
    };
    telemetry::task_span("project", cause).0
}
