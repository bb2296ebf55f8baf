//! The audit log.

use inventory_core::{Change, ChangeKind, Context, CustomerId, OrderId, ShardId, Text};
use sqlx::MySqlConnection;

use crate::{
    cursor::shard_number,
    project::{
        rows::{ChangeRows, StockStep, kind_name},
        sql::{Statement, Values},
    },
    time,
};

static AUDIT: Statement = Statement::rows(
    "INSERT INTO stock_journal
       (shard, epoch, n, item, line, kind, at, sku_id, location_id,
        available_before, reserved_before, sold_before,
        available_after, reserved_after, sold_after, version, ledger_delta,
        reservation_id, order_id, customer_id, operation_id,
        reason, actor, request_id, traceparent)
     VALUES",
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "",
);

/// One row of the audit log: a stock that a change touches, or a change that touches none.
struct AuditRow<'a> {
    change: &'a ChangeRows,
    at: &'a str,
    line: u16,
    step: Option<&'a StockStep>,
}

/// Writes one row for every stock that a change touches, and one for a change that touches none.
///
/// # Errors
/// Those of the database.
pub(super) async fn audit(
    connection: &mut MySqlConnection,
    shard: ShardId,
    changes: &[&ChangeRows],
) -> Result<(), sqlx::Error> {
    let times = Times::of(changes);
    let mut rows = Vec::with_capacity(changes.len());
    for (change, at) in changes.iter().zip(times.texts()) {
        let mut line = 0_u16;
        let mut push = |step| {
            rows.push(AuditRow {
                change,
                at,
                line,
                step,
            });
            line = line.saturating_add(1);
        };
        match change.stocks.as_slice() {
            [] => push(None),
            steps => steps.iter().for_each(|step| push(Some(step))),
        }
    }
    let shard = shard_number(shard);
    AUDIT
        .run(connection, &rows, |row, values| {
            bind_audit(shard, row, values);
        })
        .await?;
    Ok(())
}

/// The text of each change's time: changes of one entry share it.
struct Times {
    distinct: Vec<String>,
    index: Vec<usize>,
}

impl Times {
    fn of(changes: &[&ChangeRows]) -> Self {
        let mut times = Self {
            distinct: Vec::new(),
            index: Vec::with_capacity(changes.len()),
        };
        let mut last = None;
        for change in changes {
            if last != Some(change.at) {
                last = Some(change.at);
                times.distinct.push(time::sql(change.at));
            }
            times.index.push(times.distinct.len().saturating_sub(1));
        }
        times
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.index
            .iter()
            .map(|index| self.distinct.get(*index).map_or("", String::as_str))
    }
}

fn bind_audit(shard: u16, row: &AuditRow<'_>, values: &mut Values) {
    let AuditRow { change, step, .. } = row;
    values
        .push(shard)
        .push(change.id.epoch.0)
        .push(change.id.n)
        .push(change.item)
        .push(row.line)
        .push(kind_name(change.kind()))
        .push(row.at)
        .push(step.map(|step| step.key.sku.as_str()))
        .push(step.map(|step| step.key.location.as_str()));
    let before = step.and_then(|step| step.before);
    values
        .push(before.map(|figures| figures.available))
        .push(before.map(|figures| figures.reserved))
        .push(before.map(|figures| figures.sold));
    let after = step.map(|step| step.after);
    values
        .push(after.map(|figures| figures.available))
        .push(after.map(|figures| figures.reserved))
        .push(after.map(|figures| figures.sold))
        .push(after.map(|figures| figures.version))
        .push(step.map_or(0, |step| step.ledger_delta));
    let reservation = change.reservation();
    values
        .push(change.reservation_id().map(|id| id.as_str()))
        .push(
            reservation
                .and_then(|r| r.order.as_ref())
                .map(OrderId::as_str),
        )
        .push(
            reservation
                .and_then(|r| r.customer.as_ref())
                .map(CustomerId::as_str),
        )
        .push(operation(change))
        .push(reason(&change.change).map(Text::as_str));
    let Context {
        actor,
        request_id,
        traceparent,
    } = change.change.context();
    for text in [actor, request_id, traceparent] {
        values.push(text.as_ref().map(Text::as_str));
    }
}

/// The caller's id of the adjustment, the count or the return.
fn operation(change: &ChangeRows) -> Option<&str> {
    match &change.change {
        Change::Stock { operation, .. } => operation.as_ref().map(|id| id.as_str()),
        Change::Reservation {
            kind: ChangeKind::Returned,
            reservation,
            ..
        } => reservation.returns.last().map(|last| last.id.as_str()),
        Change::Reservation { .. }
        | Change::StockRepaired { .. }
        | Change::ReservationRepaired { .. } => None,
    }
}

fn reason(change: &Change) -> Option<&Text> {
    match change {
        Change::Stock { reason, .. }
        | Change::StockRepaired { reason, .. }
        | Change::ReservationRepaired { reason, .. } => reason.as_ref(),
        Change::Reservation { reservation, .. } => reservation.released.as_ref()?.reason.as_ref(),
    }
}
