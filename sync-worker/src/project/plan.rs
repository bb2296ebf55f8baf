//! Many changes as the rows that they leave: one per stock and reservation, however often it changed.

use std::collections::{HashMap, hash_map::Entry};

use inventory_core::{ChangeKind, JournalId, OperationId, ReservationId, StockKey};

use super::rows::{ChangeRows, Figures, StockStep};

/// Rows to write for some changes, in their order.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// All of them, for the audit log.
    pub(crate) changes: Vec<&'a ChangeRows>,
    pub(crate) stocks: Vec<StockWrite<'a>>,
    pub(crate) reservations: Vec<ReservationWrite<'a>>,
    pub(crate) operations: Vec<OperationWrite<'a>>,
    /// Changes that do not follow from the one before in this very plan.
    pub(crate) drifts: Vec<Drift<'a>>,
}

/// A stock as the last change leaves it.
#[derive(Debug)]
pub(crate) struct StockWrite<'a> {
    pub(crate) key: &'a StockKey,
    /// The first change, if its before-values can be compared with the row.
    pub(crate) first: Option<(&'a ChangeRows, Figures)>,
    pub(crate) last: &'a ChangeRows,
    pub(crate) after: Figures,
    /// What changes add to initial + adjustments, by the version that they left.
    pub(crate) ledger: Vec<(i64, i64)>,
}

/// A reservation as the last change leaves it.
#[derive(Debug)]
pub(crate) struct ReservationWrite<'a> {
    pub(crate) id: &'a ReservationId,
    pub(crate) last: &'a ChangeRows,
    pub(crate) items: Items,
}

/// What becomes of a reservation's item rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Items {
    /// They stay.
    Keep,
    /// Their quantities change.
    Update,
    /// The reservation began: there are none, unless its id was used before and purged.
    Begin,
    /// The reservation was stated anew: those that are there go.
    Replace,
}

/// The outcome of an adjustment or a count.
#[derive(Debug)]
pub(crate) struct OperationWrite<'a> {
    pub(crate) id: &'a OperationId,
    pub(crate) last: &'a ChangeRows,
    pub(crate) stored: &'a [u8],
}

/// A change whose before-values are not what there was.
#[derive(Debug)]
pub(crate) struct Drift<'a> {
    pub(crate) key: &'a StockKey,
    pub(crate) entry: JournalId,
    pub(crate) item: u32,
    /// What there was; nothing for a stock that was unknown.
    pub(crate) was: Option<Figures>,
    /// What the change says that there was.
    pub(crate) said: Figures,
}

impl<'a> Plan<'a> {
    /// Coalesces changes, which must be in the order of the journal.
    pub(crate) fn of(changes: impl IntoIterator<Item = &'a ChangeRows>) -> Self {
        let mut plan = Self::default();
        let mut stock_at: HashMap<&StockKey, usize> = HashMap::new();
        let mut reservation_at: HashMap<&ReservationId, usize> = HashMap::new();
        for change in changes {
            plan.changes.push(change);
            for step in &change.stocks {
                plan.stock(&mut stock_at, change, step);
            }
            plan.reservation(&mut reservation_at, change);
            plan.operation(change);
        }
        plan
    }

    fn stock(
        &mut self,
        at: &mut HashMap<&'a StockKey, usize>,
        change: &'a ChangeRows,
        step: &'a StockStep,
    ) {
        let said = step.before.filter(|_| !change.corrects());
        let place = match at.entry(&step.key) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                place.insert(self.stocks.len());
                self.stocks.push(StockWrite {
                    key: &step.key,
                    first: said.map(|said| (change, said)),
                    last: change,
                    after: step.after,
                    ledger: ledger(step).collect(),
                });
                return;
            }
        };
        let Some(write) = self.stocks.get_mut(place) else {
            return;
        };
        if let Some(said) = said.filter(|said| *said != write.after) {
            self.drifts
                .push(Drift::of(&step.key, change, Some(write.after), said));
        }
        write.last = change;
        write.after = step.after;
        write.ledger.extend(ledger(step));
    }

    fn reservation(&mut self, at: &mut HashMap<&'a ReservationId, usize>, change: &'a ChangeRows) {
        let Some(id) = change.reservation_id() else {
            return;
        };
        let items = items(change.kind());
        match at.entry(id) {
            Entry::Vacant(place) => {
                place.insert(self.reservations.len());
                self.reservations.push(ReservationWrite {
                    id,
                    last: change,
                    items,
                });
            }
            Entry::Occupied(place) => {
                if let Some(write) = self.reservations.get_mut(*place.get()) {
                    write.last = change;
                    write.items = write.items.max(items);
                }
            }
        }
    }

    fn operation(&mut self, change: &'a ChangeRows) {
        if let Some((id, stored)) = change.operation().zip(change.stored.as_deref()) {
            self.operations.push(OperationWrite {
                id,
                last: change,
                stored,
            });
        }
    }
}

impl<'a> Drift<'a> {
    pub(crate) const fn of(
        key: &'a StockKey,
        change: &ChangeRows,
        was: Option<Figures>,
        said: Figures,
    ) -> Self {
        Self {
            key,
            entry: change.id,
            item: change.item,
            was,
            said,
        }
    }
}

fn ledger(step: &StockStep) -> impl Iterator<Item = (i64, i64)> + use<> {
    let delta = Some(step.ledger_delta).filter(|delta| *delta != 0);
    let version = step.after.version;
    delta.map(|delta| (version, delta)).into_iter()
}

const fn items(kind: ChangeKind) -> Items {
    match kind {
        ChangeKind::Reserved | ChangeKind::Tombstoned => Items::Begin,
        ChangeKind::Confirmed | ChangeKind::Reacquired | ChangeKind::Returned => Items::Update,
        ChangeKind::ReservationAttested | ChangeKind::ReservationRepaired => Items::Replace,
        ChangeKind::Bound
        | ChangeKind::Released
        | ChangeKind::Expired
        | ChangeKind::Extended
        | ChangeKind::Adjusted
        | ChangeKind::Counted
        | ChangeKind::Retired
        | ChangeKind::Attested
        | ChangeKind::Repaired => Items::Keep,
    }
}
