use contracts::Amount;

use super::Status;

/// What a decision about an order rests on: its row, read under its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// Its units were sold before the order knew that it was paid. Only somebody who confirms holds
    /// by hand brings this about.
    pub sold_early: bool,
    /// What it costs, at least 1.
    pub total_amount: Amount,
    /// What went back so far, for whatever reason.
    pub refunded_amount: Amount,
    /// Units ordered, of all lines, at least 1.
    pub units: u64,
    /// Units that came back with a refund.
    pub units_refunded: u64,
}

impl State {
    /// Where a sold order stands, given what was refunded: all units back, or all money back, is
    /// `REFUNDED`.
    #[must_use]
    pub(super) const fn of_sold(&self, refunded_amount: Amount, units_refunded: u64) -> Status {
        if units_refunded >= self.units || refunded_amount >= self.total_amount {
            return Status::Refunded;
        }
        if refunded_amount > 0 || units_refunded > 0 {
            return Status::PartiallyRefunded;
        }
        Status::Confirmed
    }
}
