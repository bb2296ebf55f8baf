//! What each event makes of each state: one table, and every pair is in it.

use super::{
    CancelReason, Event, State,
    Status::{
        self, Cancelled, Confirmed, Paid, PartiallyRefunded, PaymentPending, Placed, Refunded,
        Reserved,
    },
};

/// What the order tells others, in the transaction of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `order.confirmed`: sell the units.
    SellStock,
    /// `order.cancelled`: give the units back, close the payment, pay back what was taken. Sent with
    /// every cancellation, also that for want of stock: payment may know the order, and the release
    /// of a hold that never was leaves a mark that refuses a late one.
    CallOff,
    /// `order.refund.requested`: pay back, and take the units back.
    PayBack,
}

/// A change of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Where it stands now.
    pub to: Status,
    /// Why, when it is cancelled.
    pub reason: Option<CancelReason>,
}

/// Why an event changes no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ignored {
    /// It says what the order knows, or what a later event implied.
    Known,
    /// The order was decided otherwise before; others see to what follows from it.
    TooLate,
    /// The order is paid: whether its units can be sold is being settled.
    BeingSold,
    /// Noted on the order's row, without a change of the status.
    Noted,
    /// Somebody asks for what this state does not allow.
    Refused,
}

impl Ignored {
    /// A word for metrics and the table in the README.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::TooLate => "too late",
            Self::BeingSold => "being sold",
            Self::Noted => "noted",
            Self::Refused => "refused",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The status changes, and others are told. On the way all statuses in between are passed
    /// ([`Status::implied_until`]).
    Move {
        /// The change.
        transition: Transition,
        /// Whom to tell.
        command: Option<Command>,
    },
    /// The status stays, and others are told.
    Tell(Command),
    /// Nothing changes but what is noted.
    Ignore(Ignored),
}

/// Decides. The same pair has the same answer, always.
#[must_use]
pub fn decide(state: &State, event: Event) -> Decision {
    use Event::{
        CancelRequested, HoldConfirmFailed, HoldConfirmed, HoldExpired, HoldRefused, HoldReleased,
        HoldReserved, HoldReturned, PaymentCancelled, PaymentCompleted, PaymentCreated,
        PaymentFailed, RefundPaid, RefundRequested, TimedOut,
    };
    match (event, state.status) {
        // === the hold ===
        (HoldReserved, Placed) => go(Reserved),
        (
            HoldReserved,
            Reserved | PaymentPending | Paid | Confirmed | PartiallyRefunded | Refunded,
        ) => Decision::Ignore(Ignored::Known),

        // The outcome of the command, whatever the journal said before: a hold that was made and
        // undone is no hold.
        (HoldRefused, Placed | Reserved | PaymentPending) => cancel(CancelReason::OutOfStock),
        (HoldReleased, Placed | Reserved | PaymentPending) => {
            cancel(CancelReason::ReservationReleased)
        }
        (HoldExpired, Placed | Reserved | PaymentPending) => {
            cancel(CancelReason::ReservationExpired)
        }
        (HoldRefused | HoldReleased | HoldExpired, Paid) => Decision::Ignore(Ignored::BeingSold),
        (
            HoldRefused | HoldReleased | HoldExpired | HoldConfirmFailed,
            Confirmed | PartiallyRefunded | Refunded,
        ) => Decision::Ignore(Ignored::TooLate),

        // Sold says nothing about money: it is noted, and counts when the order is paid.
        (HoldConfirmed, Placed | Reserved | PaymentPending) => Decision::Ignore(Ignored::Noted),
        (HoldConfirmed, Paid) => sold(state),
        (HoldConfirmed, Confirmed | PartiallyRefunded | Refunded) => {
            Decision::Ignore(Ignored::Known)
        }

        // Before PAID it implies that it was paid; cancelling pays that back.
        (HoldConfirmFailed, Placed | Reserved | PaymentPending | Paid) => {
            cancel(CancelReason::StockConfirmFailed)
        }

        (
            HoldReturned,
            Placed | Reserved | PaymentPending | Paid | Confirmed | PartiallyRefunded | Refunded,
        ) => Decision::Ignore(Ignored::Known),

        // === the payment ===
        (PaymentCreated, Placed | Reserved) => go(PaymentPending),
        (
            PaymentCreated,
            PaymentPending | Paid | Confirmed | PartiallyRefunded | Refunded,
        ) => Decision::Ignore(Ignored::Known),

        (PaymentCompleted { amount }, Placed | Reserved | PaymentPending) => paid(state, amount),
        (PaymentCompleted { .. }, Paid | Confirmed | PartiallyRefunded | Refunded) => {
            Decision::Ignore(Ignored::Known)
        }

        (PaymentFailed, Placed | Reserved | PaymentPending) => cancel(CancelReason::PaymentFailed),
        (PaymentFailed, Paid | Confirmed | PartiallyRefunded | Refunded) => {
            Decision::Ignore(Ignored::TooLate)
        }

        (PaymentCancelled { amount }, Placed | Reserved | PaymentPending) => {
            if amount == 0 || amount >= state.total_amount {
                cancel(CancelReason::PaymentCancelled)
            } else {
                Decision::Ignore(Ignored::Noted)
            }
        }
        // The units are being sold; what went back counts when they are.
        (PaymentCancelled { .. } | RefundPaid { .. }, Paid) => Decision::Ignore(Ignored::Noted),
        (PaymentCancelled { amount }, Confirmed | PartiallyRefunded) => {
            refunded(state, amount, 0)
        }
        (RefundPaid { amount, units }, Confirmed | PartiallyRefunded) => {
            refunded(state, amount, units)
        }
        (PaymentCancelled { .. } | RefundPaid { .. }, Refunded | Cancelled)
        // There is no refund before CONFIRMED.
        | (RefundPaid { .. }, Placed | Reserved | PaymentPending) => {
            Decision::Ignore(Ignored::Noted)
        }

        // === people and the clock ===
        (CancelRequested, Placed | Reserved | PaymentPending) => cancel(CancelReason::UserRequest),
        (CancelRequested, Paid | Confirmed | PartiallyRefunded | Refunded) => {
            Decision::Ignore(Ignored::Refused)
        }
        (CancelRequested, Cancelled) => Decision::Ignore(Ignored::Known),

        (TimedOut, Placed | Reserved | PaymentPending) => cancel(CancelReason::TimedOut),
        (TimedOut, Paid | Confirmed | PartiallyRefunded | Refunded) => {
            Decision::Ignore(Ignored::TooLate)
        }

        (RefundRequested, Confirmed | PartiallyRefunded) => Decision::Tell(Command::PayBack),
        (RefundRequested, Placed | Reserved | PaymentPending | Paid | Refunded | Cancelled) => {
            Decision::Ignore(Ignored::Refused)
        }

        // What comes to a cancelled order: the stock is released and money paid back by those who
        // got `order.cancelled`.
        (
            HoldReserved | HoldConfirmed | PaymentCreated | PaymentCompleted { .. },
            Cancelled,
        ) => Decision::Ignore(Ignored::TooLate),
        (
            HoldRefused | HoldReleased | HoldExpired | HoldConfirmFailed | HoldReturned
            | PaymentFailed | TimedOut,
            Cancelled,
        ) => Decision::Ignore(Ignored::Known),
    }
}

const fn go(to: Status) -> Decision {
    Decision::Move {
        transition: Transition { to, reason: None },
        command: None,
    }
}

const fn cancel(reason: CancelReason) -> Decision {
    Decision::Move {
        transition: Transition {
            to: Cancelled,
            reason: Some(reason),
        },
        command: Some(Command::CallOff),
    }
}

/// The units were sold; what went back before that counts now.
const fn sold(state: &State) -> Decision {
    go(state.of_sold(state.refunded_amount, state.units_refunded))
}

/// The right amount was paid, or it goes back.
fn paid(state: &State, amount: contracts::Amount) -> Decision {
    if amount != state.total_amount {
        return cancel(CancelReason::AmountMismatch);
    }
    let to = if state.sold_early {
        state.of_sold(state.refunded_amount, state.units_refunded)
    } else {
        Paid
    };
    Decision::Move {
        transition: Transition { to, reason: None },
        command: Some(Command::SellStock),
    }
}

/// A sold order of which something more went back.
const fn refunded(state: &State, amount: contracts::Amount, units: u64) -> Decision {
    let to = state.of_sold(
        state.refunded_amount.saturating_add(amount),
        state.units_refunded.saturating_add(units),
    );
    if matches!(
        (state.status, to),
        (PartiallyRefunded, PartiallyRefunded) | (Confirmed, Confirmed)
    ) {
        Decision::Ignore(Ignored::Noted)
    } else {
        go(to)
    }
}
