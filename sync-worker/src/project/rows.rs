//! What one change does to the tables, without asking them.
//!
//! An entry states the figures of every stock it touches as the whole entry leaves them. Walking its
//! changes from the last to the first and taking each one's units back gives the figures before and
//! after every single change.

use std::collections::HashMap;

use inventory_core::{
    Change, ChangeKind, JournalId, Kept, Line, OperationId, Reservation, ReservationId, SetStock,
    StockAfter, StockKey, TimestampMs,
};

/// The name of a kind of change in the audit log.
#[must_use]
pub const fn kind_name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Reserved => "RESERVED",
        ChangeKind::Bound => "BOUND",
        ChangeKind::Confirmed => "CONFIRMED",
        ChangeKind::Reacquired => "REACQUIRED",
        ChangeKind::Released => "RELEASED",
        ChangeKind::Tombstoned => "TOMBSTONED",
        ChangeKind::Expired => "EXPIRED",
        ChangeKind::Extended => "EXTENDED",
        ChangeKind::Returned => "RETURNED",
        ChangeKind::Adjusted => "ADJUSTED",
        ChangeKind::Counted => "COUNTED",
        ChangeKind::Retired => "RETIRED",
        ChangeKind::Attested => "ATTESTED",
        ChangeKind::ReservationAttested => "RESERVATION_ATTESTED",
        ChangeKind::Repaired => "REPAIRED",
        ChangeKind::ReservationRepaired => "RESERVATION_REPAIRED",
    }
}

/// The figures of a stock. Signed, as the columns are: what an entry says is shown as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
    pub(crate) version: i64,
}

impl Figures {
    pub(crate) fn new([available, reserved, sold, version]: [u64; 4]) -> Self {
        Self {
            available: signed(available),
            reserved: signed(reserved),
            sold: signed(sold),
            version: signed(version),
        }
    }

    /// What there was before a change that moved these units and raised the version by one.
    const fn without(self, moved: Moved) -> Self {
        Self {
            available: self.available.saturating_sub(moved.available),
            reserved: self.reserved.saturating_sub(moved.reserved),
            sold: self.sold.saturating_sub(moved.sold),
            version: self.version.saturating_sub(1),
        }
    }
}

/// Redis keeps figures below 2^53.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// One stock that a change touches.
#[derive(Debug)]
pub(crate) struct StockStep {
    pub(crate) key: StockKey,
    /// Unknown where a repair found nothing, or something that is no stock.
    pub(crate) before: Option<Figures>,
    pub(crate) after: Figures,
    /// What the change adds to initial + adjustments.
    pub(crate) ledger_delta: i64,
}

/// One change of an entry, with what it does to stock.
#[derive(Debug)]
pub(crate) struct ChangeRows {
    pub(crate) id: JournalId,
    pub(crate) at: TimestampMs,
    /// The change within its entry, from 0.
    pub(crate) item: u32,
    pub(crate) change: Change,
    /// What Redis keeps after the change: a reservation's record or an operation's outcome.
    pub(crate) stored: Option<Vec<u8>>,
    pub(crate) stocks: Vec<StockStep>,
}

impl ChangeRows {
    pub(crate) const fn kind(&self) -> ChangeKind {
        self.change.kind()
    }

    /// Whether the change states figures anew instead of following from those before it.
    pub(crate) const fn corrects(&self) -> bool {
        matches!(self.kind(), ChangeKind::Attested | ChangeKind::Repaired)
    }

    /// Whether the change removes its stock.
    pub(crate) const fn retires(&self) -> bool {
        match &self.change {
            Change::Stock { kind, .. } => matches!(kind, ChangeKind::Retired),
            Change::StockRepaired { set, .. } => matches!(set, SetStock::Removed { .. }),
            Change::Reservation { .. } | Change::ReservationRepaired { .. } => false,
        }
    }

    /// The reservation that the change is about.
    pub(crate) fn reservation_id(&self) -> Option<&ReservationId> {
        match &self.change {
            Change::Reservation { reservation, .. } => Some(&reservation.id),
            Change::ReservationRepaired { id, .. } => Some(id),
            Change::Stock { .. } | Change::StockRepaired { .. } => None,
        }
    }

    /// The adjustment or count that the change is.
    pub(crate) const fn operation(&self) -> Option<&OperationId> {
        match &self.change {
            Change::Stock { operation, .. } => operation.as_ref(),
            Change::Reservation { .. }
            | Change::StockRepaired { .. }
            | Change::ReservationRepaired { .. } => None,
        }
    }

    /// The reservation as the change leaves it; none where a repair removed it.
    pub(crate) fn reservation(&self) -> Option<&Reservation> {
        match &self.change {
            Change::Reservation { reservation, .. } => Some(reservation),
            Change::ReservationRepaired { set, .. } => set.as_deref(),
            Change::Stock { .. } | Change::StockRepaired { .. } => None,
        }
    }
}

/// Units that a change moves.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    available: i64,
    reserved: i64,
    sold: i64,
}

/// The changes of an entry with the figures before and after each; `stored` gives what Redis keeps
/// after the change of that index.
///
/// # Errors
/// A change touches a stock whose figures the entry does not state.
pub(crate) fn of_entry(
    id: JournalId,
    at: TimestampMs,
    after: &[StockAfter],
    changes: Vec<Change>,
    stored: impl Fn(usize) -> Option<Vec<u8>>,
) -> Result<Vec<ChangeRows>, String> {
    let mut now: HashMap<&StockKey, Figures> = after
        .iter()
        .map(|stock| {
            let figures = [stock.available, stock.reserved, stock.sold, stock.version];
            (&stock.key, Figures::new(figures))
        })
        .collect();
    let mut rows = Vec::with_capacity(changes.len());
    for (index, change) in changes.into_iter().enumerate().rev() {
        let item = u32::try_from(index).map_err(|_| format!("{id} has too many changes"))?;
        rows.push(ChangeRows {
            id,
            at,
            item,
            stocks: steps(&change, &mut now).map_err(|key| {
                format!("change {item} of {id} touches {key}, whose figures it does not state")
            })?,
            stored: stored(index),
            change,
        });
    }
    rows.reverse();
    Ok(rows)
}

fn steps(
    change: &Change,
    now: &mut HashMap<&StockKey, Figures>,
) -> Result<Vec<StockStep>, StockKey> {
    let mut step = |key: StockKey, moved: Moved, ledger_delta| match now.get_mut(&key) {
        Some(figures) => {
            let after = *figures;
            *figures = after.without(moved);
            Ok(StockStep {
                before: Some(*figures),
                after,
                ledger_delta,
                key,
            })
        }
        None => Err(key),
    };
    match change {
        Change::Reservation {
            kind, reservation, ..
        } => reservation
            .lines
            .iter()
            .filter_map(|line| Some((line.stock_key(), moved(*kind, reservation, line)?)))
            .map(|(key, moved)| step(key, moved, 0))
            .collect(),
        Change::Stock {
            key,
            delta,
            ledger_delta,
            ..
        } => {
            let moved = Moved {
                available: *delta,
                ..Moved::default()
            };
            Ok(vec![step(key.clone(), moved, *ledger_delta)?])
        }
        Change::StockRepaired {
            key,
            found,
            ledger_delta,
            ..
        } => {
            let mut step = step(key.clone(), Moved::default(), *ledger_delta)?;
            step.before = match found {
                Kept::Is(figures) => Some(Figures::new(*figures)),
                Kept::Absent | Kept::Corrupt => None,
            };
            Ok(vec![step])
        }
        Change::ReservationRepaired { .. } => Ok(Vec::new()),
    }
}

/// What the change of a reservation moves of one line's stock; `None`: it does not touch it.
fn moved(kind: ChangeKind, reservation: &Reservation, line: &Line) -> Option<Moved> {
    let held = i64::from(line.quantity);
    let sold = || {
        let confirmed = reservation.confirmed.as_ref();
        i64::from(confirmed.map_or(0, |confirmed| confirmed.lines.quantity_of(line)))
    };
    let moved = |available, reserved, sold| {
        Some(Moved {
            available,
            reserved,
            sold,
        })
    };
    match kind {
        ChangeKind::Reserved => moved(-held, held, 0),
        ChangeKind::Released | ChangeKind::Expired => moved(held, -held, 0),
        ChangeKind::Confirmed => {
            let sold = sold();
            moved(held.saturating_sub(sold), -held, sold)
        }
        // Only what is sold is taken anew.
        ChangeKind::Reacquired => match sold() {
            0 => None,
            sold => moved(-sold, 0, sold),
        },
        ChangeKind::Returned => {
            let last = reservation.returns.last();
            match i64::from(last.map_or(0, |last| last.lines.quantity_of(line))) {
                0 => None,
                back => moved(back, 0, -back),
            }
        }
        ChangeKind::Bound
        | ChangeKind::Tombstoned
        | ChangeKind::Extended
        | ChangeKind::ReservationAttested
        | ChangeKind::ReservationRepaired
        | ChangeKind::Adjusted
        | ChangeKind::Counted
        | ChangeKind::Retired
        | ChangeKind::Attested
        | ChangeKind::Repaired => None,
    }
}

#[cfg(test)]
mod tests;
