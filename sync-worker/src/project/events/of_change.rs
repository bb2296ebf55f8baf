//! The table: what each kind of change is an event of.

use contracts::{
    Envelope, Timestamp, TimestampError,
    inventory::{
        Adjusted, Confirmed, Depleted, Expired, InventoryEvent, Line, Released, Reserved, Restored,
        Returned,
    },
    inventory_event_id,
};
use inventory_core::{
    Change, ChangeKind, CustomerId, Kept, Lines, OrderId, Reservation, Text, TimestampMs,
};
use service_kit::outbox::OutboxRow;

use super::{LINES_STEP, NoEvent};
use crate::project::rows::{ChangeRows, StockStep};

/// Adds the events of one change.
pub(super) fn of_change(
    lineage: &str,
    shard: u16,
    change: &ChangeRows,
    rows: &mut Vec<OutboxRow>,
) -> Result<(), NoEvent> {
    let mut writer = Writer {
        lineage,
        shard,
        change,
        rows,
    };
    match &change.change {
        Change::Reservation {
            kind, reservation, ..
        } => writer.reservation(*kind, reservation)?,
        Change::Stock { reason, .. } | Change::StockRepaired { reason, .. } => {
            writer.adjusted(reason.as_ref())?;
        }
        // What was wrong in Redis alone was no news.
        Change::ReservationRepaired { .. } => {}
    }
    writer.turns()
}

struct Writer<'a> {
    lineage: &'a str,
    shard: u16,
    change: &'a ChangeRows,
    rows: &'a mut Vec<OutboxRow>,
}

impl Writer<'_> {
    fn reservation(&mut self, kind: ChangeKind, of: &Reservation) -> Result<(), NoEvent> {
        let reservation_id = of.id.as_str().to_owned();
        let order_id = of.order.as_ref().map(|id| id.as_str().to_owned());
        match kind {
            // Again when it takes its order: only now others know whose it is.
            ChangeKind::Reserved | ChangeKind::Bound => self.push(
                0,
                Reserved {
                    reservation_id,
                    order_id,
                    customer_id: of.customer.as_ref().map(CustomerId::as_str).map(Into::into),
                    items: items(&of.lines),
                    expires_at: moment(of.deadline)?,
                },
            ),
            ChangeKind::Confirmed | ChangeKind::Reacquired => {
                let sold = of.confirmed.as_ref().ok_or(NoEvent::Record("sold"))?;
                self.push(
                    0,
                    Confirmed {
                        reservation_id,
                        order_id,
                        items: items(&sold.lines),
                    },
                )
            }
            // A tombstone has no lines.
            ChangeKind::Released | ChangeKind::Tombstoned => {
                let reason = of.released.as_ref().and_then(|it| it.reason.as_ref());
                self.push(
                    0,
                    Released {
                        reservation_id,
                        order_id,
                        items: items(&of.lines),
                        reason: reason.map(Text::as_str).map(Into::into),
                    },
                )
            }
            ChangeKind::Expired => self.push(
                0,
                Expired {
                    reservation_id,
                    order_id,
                    items: items(&of.lines),
                },
            ),
            ChangeKind::Returned => {
                let back = of.returns.last().ok_or(NoEvent::Record("returned"))?;
                self.push(
                    0,
                    Returned {
                        reservation_id,
                        order_id,
                        items: items(&back.lines),
                        // The engine is told none.
                        reason: None,
                    },
                )
            }
            ChangeKind::Extended
            | ChangeKind::ReservationAttested
            | ChangeKind::ReservationRepaired
            | ChangeKind::Adjusted
            | ChangeKind::Counted
            | ChangeKind::Retired
            | ChangeKind::Attested
            | ChangeKind::Repaired => Ok(()),
        }
    }

    /// A count that finds what was known, a retirement and an attestation leave available as it was:
    /// that is no event.
    fn adjusted(&mut self, reason: Option<&Text>) -> Result<(), NoEvent> {
        for (stock, step) in self.change.stocks.iter().enumerate() {
            let before = available_before(self.change, step);
            let delta = before.map(|before| step.after.available.saturating_sub(before));
            let Some(delta) = delta.filter(|delta| *delta != 0) else {
                continue;
            };
            let (available_quantity, version) = (units(step.after.available), version(step));
            self.push(
                stock,
                Adjusted {
                    sku_id: step.key.sku.as_str().to_owned(),
                    location_id: step.key.location.as_str().to_owned(),
                    delta,
                    reason: reason.map_or_else(String::new, |it| it.as_str().to_owned()),
                    available_quantity,
                    version,
                },
            )?;
        }
        Ok(())
    }

    /// Stocks whose last unit went, or that have one again.
    fn turns(&mut self) -> Result<(), NoEvent> {
        for (stock, step) in self.change.stocks.iter().enumerate() {
            let Some(before) = available_before(self.change, step) else {
                continue;
            };
            let sku_id = || step.key.sku.as_str().to_owned();
            let location_id = || step.key.location.as_str().to_owned();
            let available_quantity = units(step.after.available);
            match (before > 0, step.after.available > 0) {
                (true, false) => self.push(
                    stock,
                    Depleted {
                        sku_id: sku_id(),
                        location_id: location_id(),
                        available_quantity,
                        version: version(step),
                    },
                )?,
                (false, true) => self.push(
                    stock,
                    Restored {
                        sku_id: sku_id(),
                        location_id: location_id(),
                        available_quantity,
                        version: version(step),
                    },
                )?,
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }

    fn push<T: InventoryEvent>(&mut self, stock: usize, data: T) -> Result<(), NoEvent> {
        let change = self.change;
        let context = change.change.context();
        let stock = u64::try_from(stock).unwrap_or(u64::MAX);
        let item = u64::from(change.item)
            .saturating_mul(u64::from(LINES_STEP))
            .saturating_add(stock);
        let (epoch, n) = (change.id.epoch.0, change.id.n);
        let id = inventory_event_id(self.lineage, self.shard, epoch, n, item, T::NUMBER);
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.as_str().to_owned());
        let envelope = Envelope {
            correlation_id: correlation(change).map(ToOwned::to_owned),
            causation_id: text(&context.request_id),
            traceparent: text(&context.traceparent),
            ..Envelope::new(id, moment(change.at)?, data)
        };
        self.rows.push(OutboxRow::new(&envelope)?);
        Ok(())
    }
}

/// The order through its whole saga; else the request; else what was asked for by its own id.
fn correlation(change: &ChangeRows) -> Option<&str> {
    let order = change.reservation().and_then(|it| it.order.as_ref());
    let request = || change.change.context().request_id.as_ref();
    let own = || {
        let operation = || change.operation().map(|id| id.as_str());
        change
            .reservation_id()
            .map(|id| id.as_str())
            .or_else(operation)
    };
    order
        .map(OrderId::as_str)
        .or_else(|| request().map(Text::as_str).filter(|text| !text.is_empty()))
        .or_else(own)
}

/// What was available before; `None` where a repair found what is no stock.
fn available_before(change: &ChangeRows, step: &StockStep) -> Option<i64> {
    let absent = || match &change.change {
        Change::StockRepaired { found, .. } => matches!(found, Kept::Absent).then_some(0),
        Change::Reservation { .. } | Change::Stock { .. } | Change::ReservationRepaired { .. } => {
            None
        }
    };
    step.before.map(|before| before.available).or_else(absent)
}

fn version(step: &StockStep) -> u64 {
    units(step.after.version)
}

/// Figures are below 0 only where somebody changed Redis by hand; an event knows no such.
fn units(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or(0)
}

fn items(lines: &Lines) -> Vec<Line> {
    let item = |line: &inventory_core::Line| Line {
        sku_id: line.sku.as_str().to_owned(),
        location_id: line.location.as_str().to_owned(),
        quantity: line.quantity,
    };
    lines.iter().map(item).collect()
}

fn moment(at: TimestampMs) -> Result<Timestamp, TimestampError> {
    let ms = i64::try_from(at.0).map_err(|_| TimestampError::Range)?;
    Timestamp::from_unix_ms(ms)
}
