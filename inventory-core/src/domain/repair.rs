use super::{
    command::Context,
    id::{ReservationId, StockKey},
    text::Text,
};

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept<T> {
    /// Nothing.
    Absent,
    /// Something that the engine did not write.
    Corrupt,
    /// This.
    Is(T),
}

impl<T> Kept<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Corrupt => None,
        }
    }
}

/// What a repair makes of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetStock {
    /// available, reserved, sold. A stock that is not there is created.
    Figures([u64; 3]),
    /// Removed, as by a retirement.
    Removed {
        /// What it has sold all in all: created again it goes on from there.
        sold: u64,
    },
}

/// Set a stock to what it should be, unless it has changed since it was looked at. Undoes what no
/// journal entry says; not for sales or counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairStock {
    /// Which stock.
    pub key: StockKey,
    /// available, reserved, sold and version as they were found.
    pub expected: Kept<[u64; 4]>,
    /// What it should be. The sum of the figures is at most [`crate::limits::STOCK_MAX`].
    pub set: SetStock,
    /// The new version is above this one: the version that a projection has, 0 if none.
    pub version_above: u64,
    /// Units that the repair adds to initial + adjustments; 0 where it undoes.
    pub ledger_delta: i64,
    /// Why.
    pub reason: Text,
    /// For the journal.
    pub context: Context,
}

/// Set a reservation to what it should be, unless it has changed since it was looked at. Touches no
/// figures and no purchase limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairReservation {
    /// Which reservation.
    pub id: ReservationId,
    /// Stored bytes as they were found.
    pub expected: Kept<Vec<u8>>,
    /// Stored bytes that it should have, but for the journal id that they begin with: that becomes
    /// the repair's own. `None`: removed.
    pub set: Option<Vec<u8>>,
    /// Why.
    pub reason: Text,
    /// For the journal.
    pub context: Context,
}

/// State a stock's figures anew under a new version, so that a projection takes them over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestStock {
    /// Which stock.
    pub key: StockKey,
    /// The new version is above this one: the version that a projection has, 0 if none.
    pub version_above: u64,
    /// Units that no entry brought and that are accepted: they are added to initial + adjustments.
    pub ledger_delta: i64,
    /// Why.
    pub reason: Text,
    /// For the journal.
    pub context: Context,
}
