//! The events of changes, written to the outbox by the transaction that applies them: Kafka says
//! what the journal says, and never more than MariaDB.
//!
//! # Ids
//! `<lineage8>-<shard>-<epoch>-<n>-<item*16 + number of the event type>`
//! ([`contracts::inventory_event_id`]), where
//!
//! `item` = change within its entry * [`LINES_STEP`] + stock within the change.
//!
//! The change alone would not do: one reservation can deplete two SKUs, which is two events of one
//! type by one change. A change's own event (a reservation's, an adjustment) is at stock 0. Nothing
//! else goes into an id: however entries are cut into batches, taken apart, or applied again by a
//! MariaDB that was restored from a copy, the same change has the same events.
//!
//! # Order
//! That of the journal; within a change its own event, then depleted and restored, stock by stock.
//! The lock on the cursor row, under which all of this happens, makes it the order of the commits.

mod of_change;

use contracts::Producer;
use inventory_core::limits::{BATCH_LINES_MAX, LINES_MAX};
use service_kit::{
    db::ServiceName,
    outbox::{Outbox, OutboxError, OutboxRow},
    relay::Waker,
};

use super::rows::ChangeRows;

/// From one change of an entry to the next in the `item` of event ids: more than the lines of any
/// change, and of any script call. It never changes: other ids would be other events.
pub const LINES_STEP: u16 = 1_024;

const _: () = assert!(LINES_MAX < LINES_STEP as usize);
const _: () = assert!(BATCH_LINES_MAX < LINES_STEP as usize);

/// Where the projection's events go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    outbox: Outbox,
    waker: Waker,
}

impl Events {
    /// Into `inventory_outbox`; `waker` is that of the relay in this process, and a new one where
    /// there is none.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Self {
            outbox: Outbox::new(&service()),
            waker,
        }
    }

    pub(super) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// There are rows, and they are committed.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }
}

/// The name in front of `_outbox`, for whoever publishes it.
#[must_use]
#[expect(clippy::expect_used, reason = "a constant; a test reads it")]
pub fn service() -> ServiceName {
    let name = Producer::Inventory.name();
    name.parse().expect("the name of a service")
}

/// Where events of one shard come from and go to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlet<'e> {
    pub(crate) events: &'e Events,
    /// The shard's.
    pub(crate) lineage: &'e str,
}

/// A change whose events cannot be made. It is as if the database refused it for good: the change
/// goes to `dead_letter`, and nothing waits for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEvent {
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error("a moment of the event: {0}")]
    Moment(#[from] contracts::TimestampError),
    #[error("the reservation's record does not say what was {0}")]
    Record(&'static str),
}

impl From<NoEvent> for sqlx::Error {
    fn from(error: NoEvent) -> Self {
        match error {
            NoEvent::Outbox(OutboxError::Sql(error)) => error,
            NoEvent::Outbox(_) | NoEvent::Moment(_) | NoEvent::Record(_) => {
                Self::Encode(error.into())
            }
        }
    }
}

/// The events of changes, in their order.
///
/// # Errors
/// [`NoEvent`]: one of the changes has an event that cannot be made.
pub(crate) fn of_changes(
    lineage: &str,
    shard: u16,
    changes: &[&ChangeRows],
) -> Result<Vec<OutboxRow>, NoEvent> {
    let mut rows = Vec::with_capacity(changes.len());
    for change in changes {
        of_change::of_change(lineage, shard, change, &mut rows)?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
