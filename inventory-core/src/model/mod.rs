//! The executable specification: what every operation does, without Redis, clock or I/O.
//!
//! [`Model`] decides and does what the scripts in `lua/` must decide and do; the lock-step test
//! (`tests/model/`) runs random command sequences on both and compares every reply and the whole
//! state after it. One file per operation; each begins with its rule. It is written to be read:
//! sums are taken anew each time they are needed, and nothing is indexed.
//!
//! One method call is one script call: it sees one `now`, reaps due holds at most once (at most
//! [`REAP_MAX`](crate::limits::REAP_MAX) of them) and leaves at most one journal entry.
//! [`ReapMore`] is the script's answer of that name, on which the engine repeats the call.
//!
//! Out of its scope: fencing, corrupt keys, and the time at which a purge gets to a record.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "plain sums read best; a sum that overflows is a bug that must panic, not saturate"
)]

mod adjust;
mod confirm;
mod count;
mod expire;
mod extend;
mod invariants;
mod limit;
mod purge;
mod release;
mod repair;
mod reserve;
mod retire;
mod return_goods;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::limit::Limited;
use crate::domain::*;

/// The script's `REAP_MORE`: too little stock while more holds are due than one call may expire.
/// Those that were expired stay expired; the same call again gets further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReapMore;

/// What one script call answers.
pub type ModelReply<T> = Result<Outcome<T>, ReapMore>;

/// One shard, in memory.
#[derive(Debug, Clone, Default)]
pub struct Model {
    epoch: Epoch,
    next_n: u64,
    stocks: BTreeMap<StockKey, Figures>,
    /// What stocks that were retired go on from when they are created again.
    retired: BTreeMap<StockKey, Figures>,
    limits: BTreeMap<Sku, Limited>,
    reservations: BTreeMap<ReservationId, Record>,
    operations: BTreeMap<OperationId, Operation>,
    journal: Vec<Entry>,
}

/// The figures of one stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Figures {
    available: u64,
    reserved: u64,
    sold: u64,
    version: u64,
}

/// A reservation, and what a repeat of its first command looks like.
#[derive(Debug, Clone)]
struct Record {
    reservation: Reservation,
    /// Set once the hold was bound: the customer of the command that took it, which named no order.
    before_binding: Option<Option<CustomerId>>,
}

/// The outcome of an adjustment or a count, so that a repeat is known.
#[derive(Debug, Clone)]
struct Operation {
    at: TimestampMs,
    content: Content,
}

/// What two commands with the same operation id must agree in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Adjusted {
        key: StockKey,
        delta: i64,
    },
    Counted {
        key: StockKey,
        on_hand: u64,
        expected_version: Option<u64>,
        limit: LimitChange,
    },
}

/// One script call while it runs.
#[derive(Debug)]
struct Call {
    now: TimestampMs,
    /// The journal entry of this call, if it changes anything.
    id: JournalId,
    /// Whether due holds were reaped already.
    reaped: bool,
    changes: Vec<Change>,
    /// Every stock that the call changed, as its last change left it.
    touched: BTreeMap<StockKey, Figures>,
}

/// Why a call does not do what was asked.
#[derive(Debug)]
enum Stop {
    Refuse(Refusal),
    ReapMore,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// What the inside of a call answers; [`reply`] gives it the public shape.
type Decision<T> = Result<Success<T>, Stop>;

fn reply<T>(decision: Decision<T>) -> ModelReply<T> {
    match decision {
        Ok(success) => Ok(Ok(success)),
        Err(Stop::Refuse(refusal)) => Ok(Err(refusal)),
        Err(Stop::ReapMore) => Err(ReapMore),
    }
}

/// Done by this call.
fn done<T>(value: T) -> Decision<T> {
    Ok(Success {
        value,
        replayed: false,
    })
}

/// Done before, by a call with the same id.
fn replay<T>(value: T) -> Decision<T> {
    Ok(Success {
        value,
        replayed: true,
    })
}

impl Model {
    /// An empty shard whose next journal entry is `<epoch>-<next_n>` (1 after a blessing).
    #[must_use]
    pub fn new(epoch: Epoch, next_n: u64) -> Self {
        Self {
            epoch,
            next_n,
            ..Self::default()
        }
    }

    // === state, for comparison ===

    /// One stock, with the purchase limit of its SKU.
    #[must_use]
    pub fn stock(&self, key: &StockKey) -> Option<Stock> {
        self.stocks.get(key).map(|figures| Stock {
            key: key.clone(),
            available: figures.available,
            reserved: figures.reserved,
            sold: figures.sold,
            version: figures.version,
            purchase_limit: self.limits.get(&key.sku).map(Limited::limit),
        })
    }

    /// All stocks.
    #[must_use]
    pub fn stocks(&self) -> Vec<Stock> {
        self.stocks
            .keys()
            .filter_map(|key| self.stock(key))
            .collect()
    }

    /// What each stock that was removed goes on from: what it had sold, and its last version.
    pub fn retired(&self) -> impl Iterator<Item = (&StockKey, u64, u64)> {
        let retired = self.retired.iter();
        retired.map(|(key, figures)| (key, figures.sold, figures.version))
    }

    /// One reservation as stored: an open hold stays `Reserved` until a call expires it.
    #[must_use]
    pub fn reservation(&self, id: &ReservationId) -> Option<&Reservation> {
        self.reservations.get(id).map(|record| &record.reservation)
    }

    /// All reservations, by id.
    pub fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.values().map(|record| &record.reservation)
    }

    /// Open holds by deadline, then id bytes: the order in which they expire.
    #[must_use]
    pub fn open_deadlines(&self) -> Vec<(TimestampMs, ReservationId)> {
        let mut open: Vec<_> = self
            .reservations()
            .filter(|r| r.status == Status::Reserved)
            .map(|r| (r.deadline, r.id.clone()))
            .collect();
        open.sort();
        open
    }

    /// Units of the SKU that count against the customer's limit at `now`; 0 without a limit.
    #[must_use]
    pub fn used(&self, now: TimestampMs, sku: &Sku, customer: &CustomerId) -> u64 {
        self.limits
            .get(sku)
            .map_or(0, |limited| limited.used(now, customer))
    }

    /// Ids of the adjustments and counts that a repeat would find.
    pub fn operations(&self) -> impl Iterator<Item = &OperationId> {
        self.operations.keys()
    }

    /// Every entry written so far.
    #[must_use]
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// The id that the next entry will have.
    #[must_use]
    pub const fn next_entry(&self) -> JournalId {
        JournalId {
            epoch: self.epoch,
            n: self.next_n,
        }
    }

    // === one script call ===

    fn call<T>(
        &mut self,
        now: TimestampMs,
        decide: impl FnOnce(&mut Self, &mut Call) -> Decision<T>,
    ) -> ModelReply<T> {
        let mut call = self.begin(now);
        let decision = decide(self, &mut call);
        self.end(call);
        reply(decision)
    }

    fn begin(&self, now: TimestampMs) -> Call {
        Call {
            now,
            id: self.next_entry(),
            reaped: false,
            changes: Vec::new(),
            touched: BTreeMap::new(),
        }
    }

    /// A call that changed anything leaves one entry.
    fn end(&mut self, call: Call) {
        if call.changes.is_empty() {
            return;
        }
        let after = |(key, figures): (StockKey, Figures)| StockAfter {
            key,
            available: figures.available,
            reserved: figures.reserved,
            sold: figures.sold,
            version: figures.version,
        };
        let stocks = call.touched.into_iter().map(after).collect();
        let body = EntryBody::Changes {
            stocks,
            changes: call.changes,
        };
        self.journal.push(Entry {
            id: call.id,
            at: call.now,
            body,
        });
        self.next_n += 1;
    }

    // === what the operations share ===

    /// Looks whether the way is free. If not, reaps the due holds (unless this call did before) and
    /// looks again; only with nothing due left is the answer a refusal.
    fn reaping_if_refused(
        &mut self,
        call: &mut Call,
        look: impl Fn(&Self) -> Result<(), Refusal>,
    ) -> Result<(), Stop> {
        if look(self).is_ok() {
            return Ok(());
        }
        self.reap(call);
        look(self).map_err(|refusal| match self.due(call.now).is_empty() {
            true => Stop::Refuse(refusal),
            false => Stop::ReapMore,
        })
    }

    /// The reservation as it is now.
    fn known(&self, id: &ReservationId) -> Result<Reservation, Refusal> {
        self.reservation(id)
            .cloned()
            .ok_or(Refusal::ReservationNotFound)
    }

    /// Refuses where a line's stock does not exist (any more).
    fn all_known(&self, lines: &Lines) -> Result<(), Refusal> {
        let unknown: Vec<_> = lines
            .iter()
            .map(Line::stock_key)
            .filter(|key| !self.stocks.contains_key(key))
            .collect();
        none_or(unknown, Refusal::UnknownSku)
    }

    /// Refuses where a line finds too little available.
    fn all_available(&self, lines: &Lines) -> Result<(), Refusal> {
        let short = shortages(lines, |line| {
            self.stocks
                .get(&line.stock_key())
                .map_or(0, |figures| figures.available)
        });
        none_or(short, Refusal::InsufficientStock)
    }

    /// Moves units of one stock: one change of it, one step of its version.
    fn change_stock(&mut self, call: &mut Call, key: StockKey, change: impl FnOnce(&mut Figures)) {
        let retired = &mut self.retired;
        let figures = self
            .stocks
            .entry(key.clone())
            .or_insert_with(|| retired.remove(&key).unwrap_or_default());
        change(figures);
        figures.version += 1;
        call.touched.insert(key, *figures);
    }

    /// Stores a reservation as the call leaves it, and journals what happened to it.
    fn change_reservation(
        &mut self,
        call: &mut Call,
        kind: ChangeKind,
        context: &Context,
        mut reservation: Reservation,
    ) -> Reservation {
        reservation.last_change = call.id;
        let kept = self
            .reservations
            .get(&reservation.id)
            .and_then(|r| r.before_binding.clone());
        self.reservations.insert(
            reservation.id.clone(),
            Record {
                reservation: reservation.clone(),
                before_binding: kept,
            },
        );
        call.changes.push(Change::Reservation {
            kind,
            context: context.clone(),
            reservation: Box::new(reservation.clone()),
        });
        reservation
    }
}

/// The lines that ask for more than there is, in the order asked.
fn shortages(lines: &Lines, there_is: impl Fn(&Line) -> u64) -> Vec<Shortage> {
    lines
        .iter()
        .map(|line| Shortage {
            key: line.stock_key(),
            requested: u64::from(line.quantity),
            available: there_is(line),
        })
        .filter(|line| line.requested > line.available)
        .collect()
}

/// A refusal that names its grounds, if there are any.
fn none_or<T>(grounds: Vec<T>, refusal: impl FnOnce(Vec<T>) -> Refusal) -> Result<(), Refusal> {
    if grounds.is_empty() {
        Ok(())
    } else {
        Err(refusal(grounds))
    }
}
