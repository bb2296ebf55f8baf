use std::{fmt, str::FromStr};

use super::{
    command::Context,
    id::{OperationId, ReservationId, StockKey},
    repair::{Kept, SetStock},
    reservation::Reservation,
    stock::PurchaseLimit,
    text::Text,
    time::TimestampMs,
};

/// One life of a shard between two blessings; at least the shard clock in ms when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `<epoch>-<n>`: within an epoch n counts 0, 1, 2… without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct JournalId {
    /// The epoch.
    pub epoch: Epoch,
    /// The place in it, from 0.
    pub n: u64,
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.n)
    }
}

impl FromStr for JournalId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(epoch, n)| {
            Some(Self {
                epoch: Epoch(epoch.parse().ok()?),
                n: n.parse().ok()?,
            })
        });
        parts.ok_or_else(|| format!("{text:?} is no journal id (<epoch>-<n>)"))
    }
}

/// What happened, as the journal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A new hold.
    Reserved,
    /// An open hold took an order, and a customer if it had none.
    Bound,
    /// Sold from a hold.
    Confirmed,
    /// Sold after the hold had expired, from available.
    Reacquired,
    /// Given back.
    Released,
    /// A released record for an id that was unknown; touches no stock.
    Tombstoned,
    /// Expired.
    Expired,
    /// A new deadline.
    Extended,
    /// Came back after the sale.
    Returned,
    /// Available changed by a delta.
    Adjusted,
    /// On-hand set, the stock possibly created.
    Counted,
    /// The stock was removed.
    Retired,
    /// A stock's figures stated anew, without a change of them.
    Attested,
    /// A reservation stated anew, without a change of it.
    ReservationAttested,
    /// A stock set to other figures, created or removed, to undo what no entry says.
    Repaired,
    /// A reservation put in other words, created or removed, to undo what no entry says.
    ReservationRepaired,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::Reserved,
        Self::Bound,
        Self::Confirmed,
        Self::Reacquired,
        Self::Released,
        Self::Tombstoned,
        Self::Expired,
        Self::Extended,
        Self::Returned,
        Self::Adjusted,
        Self::Counted,
        Self::Retired,
        Self::Attested,
        Self::ReservationAttested,
        Self::Repaired,
        Self::ReservationRepaired,
    ];

    /// The kind that a letter stands for.
    #[must_use]
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letter() == letter)
    }

    /// Whether the change is one of a stock alone, not of a reservation.
    #[must_use]
    pub const fn is_of_stock(self) -> bool {
        matches!(
            self,
            Self::Adjusted | Self::Counted | Self::Retired | Self::Attested | Self::Repaired
        )
    }

    /// The letter that begins a change's name in a journal entry.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Reserved => 'R',
            Self::Bound => 'B',
            Self::Confirmed => 'C',
            Self::Reacquired => 'Q',
            Self::Released => 'L',
            Self::Tombstoned => 'M',
            Self::Expired => 'X',
            Self::Extended => 'E',
            Self::Returned => 'T',
            Self::Adjusted => 'A',
            Self::Counted => 'N',
            Self::Retired => 'D',
            Self::Attested => 'S',
            Self::ReservationAttested => 'V',
            Self::Repaired => 'F',
            Self::ReservationRepaired => 'G',
        }
    }
}

/// A stock as an entry leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockAfter {
    /// Which.
    pub key: StockKey,
    /// Units available after the entry.
    pub available: u64,
    /// Units reserved after the entry.
    pub reserved: u64,
    /// Units sold after the entry.
    pub sold: u64,
    /// Version after the entry.
    pub version: u64,
}

/// One change of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A reservation as the change left it.
    Reservation {
        /// What happened to it.
        kind: ChangeKind,
        /// Who asked.
        context: Context,
        /// Its state after the change.
        reservation: Box<Reservation>,
    },
    /// An adjustment, a count, a retirement or an attestation.
    Stock {
        /// What happened.
        kind: ChangeKind,
        /// Who asked.
        context: Context,
        /// The caller's id of the operation; none for a retirement or an attestation.
        operation: Option<OperationId>,
        /// Which stock.
        key: StockKey,
        /// Units by which available changed.
        delta: i64,
        /// Units that the change adds to initial + adjustments: `delta`, or for an attestation the
        /// units that no entry brought and that are taken for good.
        ledger_delta: i64,
        /// Why.
        reason: Option<Text>,
        /// The purchase limit that the operation set (`Some(None)`: removed).
        limit: Option<Option<PurchaseLimit>>,
    },
    /// A repair of a stock. Its entry has no other change, and states the figures it leaves: after
    /// a removal 0 available, 0 reserved. A removal takes the limit of the SKU with its last stock.
    StockRepaired {
        /// Who asked.
        context: Context,
        /// Which stock.
        key: StockKey,
        /// available, reserved, sold and version before.
        found: Kept<[u64; 4]>,
        /// What it was set to.
        set: SetStock,
        /// Units that the repair adds to initial + adjustments.
        ledger_delta: i64,
        /// Why.
        reason: Option<Text>,
    },
    /// A repair of a reservation. Its entry has no other change and touches no stock.
    ReservationRepaired {
        /// Who asked.
        context: Context,
        /// Which reservation.
        id: ReservationId,
        /// The reservation before.
        found: Kept<Box<Reservation>>,
        /// The reservation after; `None`: removed.
        set: Option<Box<Reservation>>,
        /// Why.
        reason: Option<Text>,
    },
}

impl Change {
    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> ChangeKind {
        match self {
            Self::Reservation { kind, .. } | Self::Stock { kind, .. } => *kind,
            Self::StockRepaired { .. } => ChangeKind::Repaired,
            Self::ReservationRepaired { .. } => ChangeKind::ReservationRepaired,
        }
    }

    /// Who asked.
    #[must_use]
    pub const fn context(&self) -> &Context {
        match self {
            Self::Reservation { context, .. }
            | Self::Stock { context, .. }
            | Self::StockRepaired { context, .. }
            | Self::ReservationRepaired { context, .. } => context,
        }
    }
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryBody {
    /// The first entry of an epoch.
    Bless {
        /// The shard's lineage.
        lineage: String,
        /// Run id of the Redis process that was blessed.
        run_id: String,
        /// The last entry before it, if there was any.
        previous: Option<JournalId>,
        /// Who blessed.
        who: String,
        /// Why.
        why: String,
    },
    /// Changes, in the order in which they were decided.
    Changes {
        /// Every stock that the entry touches, as it leaves it.
        stocks: Vec<StockAfter>,
        /// The changes.
        changes: Vec<Change>,
    },
}

/// One journal entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: JournalId,
    /// When, on the shard's clock.
    pub at: TimestampMs,
    /// What.
    pub body: EntryBody,
}
