use std::fmt;

use super::{
    id::{CustomerId, OperationId, OrderId, ReservationId},
    journal::JournalId,
    line::Lines,
    text::{Metadata, Text},
    time::TimestampMs,
};

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Open: the units are held until the deadline.
    Reserved,
    /// Sold, wholly or in part.
    Confirmed,
    /// Given back by the caller.
    Released,
    /// Given back by the clock.
    Expired,
    /// Sold, and some of it came back.
    PartiallyReturned,
    /// Sold, and all of it came back.
    Returned,
}

impl Status {
    /// All of them, in the order of their life.
    pub const ALL: [Self; 6] = [
        Self::Reserved,
        Self::Confirmed,
        Self::Released,
        Self::Expired,
        Self::PartiallyReturned,
        Self::Returned,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Confirmed => "CONFIRMED",
            Self::Released => "RELEASED",
            Self::Expired => "EXPIRED",
            Self::PartiallyReturned => "PARTIALLY_RETURNED",
            Self::Returned => "RETURNED",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a hold when it was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// When.
    pub at: TimestampMs,
    /// What was sold; the rest of the reservation went back.
    pub lines: Lines,
    /// Whether the hold had expired and its stock was taken anew.
    pub reacquired: bool,
}

/// How a hold was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// When.
    pub at: TimestampMs,
    /// The caller's reason.
    pub reason: Option<Text>,
}

/// Goods that came back after a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The caller's id of this return.
    pub id: OperationId,
    /// When.
    pub at: TimestampMs,
    /// What came back.
    pub lines: Lines,
}

/// A hold and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The caller's id, or one generated for it.
    pub id: ReservationId,
    /// Where it stands.
    pub status: Status,
    /// What was reserved; stays as it was whatever happens later. Empty for a tombstone.
    pub lines: Lines,
    /// The order it is bound to.
    pub order: Option<OrderId>,
    /// Who it is for.
    pub customer: Option<CustomerId>,
    /// The caller's own data.
    pub metadata: Option<Metadata>,
    /// When it was reserved.
    pub created: TimestampMs,
    /// When it expires, or would have.
    pub deadline: TimestampMs,
    /// Set from the confirmation on.
    pub confirmed: Option<Confirmed>,
    /// Set by a release.
    pub released: Option<Released>,
    /// Set by expiry, and kept when the stock was reacquired.
    pub expired_at: Option<TimestampMs>,
    /// Every return, oldest first.
    pub returns: Vec<Returned>,
    /// The journal entry that holds its last change.
    pub last_change: JournalId,
}

impl Reservation {
    /// Units of `line`'s stock that were sold and have not come back.
    #[must_use]
    pub fn returnable(&self, line: &super::line::Line) -> u32 {
        let sold = self
            .confirmed
            .as_ref()
            .map_or(0, |c| c.lines.quantity_of(line));
        let back: u32 = self
            .returns
            .iter()
            .map(|r| r.lines.quantity_of(line))
            .fold(0, u32::saturating_add);
        sold.saturating_sub(back)
    }

    /// The status that a reader sees at `now`: an open hold at or past its deadline is expired.
    #[must_use]
    pub fn status_at(&self, now: TimestampMs) -> Status {
        match self.status {
            Status::Reserved if now >= self.deadline => Status::Expired,
            Status::Reserved
            | Status::Confirmed
            | Status::Released
            | Status::Expired
            | Status::PartiallyReturned
            | Status::Returned => self.status,
        }
    }
}
