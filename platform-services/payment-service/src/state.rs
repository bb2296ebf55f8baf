//! The states of a payment and everything that can happen to one: one table, no I/O.
//!
//! There is one payment for each order. [`next`] decides what an event does to it; who calls it holds
//! the lock of the payment's row and writes what it answers in the same transaction.

use std::{fmt, str::FromStr};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Only one of `order.placed` and `inventory.reserved` is here. Nobody sees such a payment.
    Awaiting,
    /// The customer may pay.
    Ready,
    /// The gateway was asked for the money, or is about to be, and its answer is not known.
    Unknown,
    /// The gateway took the money.
    Approved,
    /// A part of the money was paid back.
    PartiallyCancelled,
    /// All of the money was paid back.
    Cancelled,
    /// The gateway declined, or knows nothing of the attempt.
    Failed,
    /// The order was cancelled before any money was taken.
    Closed,
}

/// What happens to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// `order.placed` and `inventory.reserved` are both here.
    Prepared,
    /// The customer confirms: the gateway is going to be asked.
    Attempted,
    /// The gateway was surely never asked.
    NotSent,
    /// The gateway has approved.
    Approved,
    /// The gateway has declined, or knows nothing of it after so long that it will not any more.
    Declined,
    /// `order.cancelled`.
    OrderCancelled,
    /// The gateway paid a part back, and kept a rest.
    CancelledPartly,
    /// The gateway paid the rest back.
    CancelledWholly,
}

/// What is said to the others, in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Say {
    /// `payment.created`
    Created,
    /// `payment.completed`
    Completed,
    /// `payment.failed`
    Failed,
    /// `payment.cancelled` of a payment that took no money.
    Closed,
}

/// Money that must go back, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GiveBack {
    /// What is left of the payment: its order is cancelled.
    Rest,
    /// An approval of a payment that had ended without one.
    Stray,
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// The state from now on.
    pub state: State,
    /// What is said.
    pub say: Option<Say>,
    /// What goes back.
    pub give_back: Option<GiveBack>,
}

impl Next {
    const fn to(state: State) -> Option<Self> {
        Some(Self {
            state,
            say: None,
            give_back: None,
        })
    }

    const fn saying(state: State, say: Say) -> Option<Self> {
        Some(Self {
            state,
            say: Some(say),
            give_back: None,
        })
    }

    const fn giving_back(state: State, what: GiveBack) -> Option<Self> {
        Some(Self {
            state,
            say: None,
            give_back: Some(what),
        })
    }
}

/// What `event` does to a payment in `state`; `None` when it does nothing, because it came twice, came
/// late, or must not happen now.
///
/// `order_cancelled` says whether `order.cancelled` came before; a payment remembers that while its
/// outcome is unknown.
#[must_use]
pub const fn next(state: State, order_cancelled: bool, event: Event) -> Option<Next> {
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Awaiting, E::Prepared) => Next::saying(S::Ready, Say::Created),
        // Nobody heard of the payment, so nobody hears that it is closed.
        (S::Awaiting, E::OrderCancelled) => Next::to(S::Closed),

        (S::Ready, E::Attempted) => Next::to(S::Unknown),
        // Learned from the gateway, though we know of no attempt: as after a restore from a backup.
        (S::Ready, E::Approved) => Next::saying(S::Approved, Say::Completed),
        (S::Ready, E::OrderCancelled) => Next::saying(S::Closed, Say::Closed),

        (S::Unknown, E::NotSent) if order_cancelled => Next::saying(S::Closed, Say::Closed),
        (S::Unknown, E::NotSent) => Next::to(S::Ready),
        (S::Unknown, E::Approved) if order_cancelled => Some(Next {
            state: S::Approved,
            say: Some(Say::Completed),
            give_back: Some(GiveBack::Rest),
        }),
        (S::Unknown, E::Approved) => Next::saying(S::Approved, Say::Completed),
        (S::Unknown, E::Declined) => Next::saying(S::Failed, Say::Failed),
        // Remembered by who calls, until the gateway's answer is known.
        (S::Unknown, E::OrderCancelled) => Next::to(S::Unknown),

        (S::Approved | S::PartiallyCancelled, E::OrderCancelled) => {
            Next::giving_back(state, GiveBack::Rest)
        }
        (S::Approved | S::PartiallyCancelled, E::CancelledPartly) => {
            Next::to(S::PartiallyCancelled)
        }
        (S::Approved | S::PartiallyCancelled, E::CancelledWholly) => Next::to(S::Cancelled),

        // The order was told that it is not paid. `payment.completed` now might overtake the
        // `payment.failed` before it; so nothing is said, and the money goes back.
        (S::Failed | S::Closed, E::Approved) => Next::giving_back(state, GiveBack::Stray),

        (S::Awaiting, E::Attempted | E::NotSent | E::Approved | E::Declined)
        | (S::Ready, E::Prepared | E::NotSent | E::Declined)
        | (S::Unknown, E::Prepared | E::Attempted)
        | (
            S::Approved | S::PartiallyCancelled,
            E::Prepared | E::Attempted | E::NotSent | E::Approved | E::Declined,
        )
        | (
            S::Cancelled,
            E::Prepared
            | E::Attempted
            | E::NotSent
            | E::Approved
            | E::Declined
            | E::OrderCancelled
            | E::CancelledPartly
            | E::CancelledWholly,
        )
        | (
            S::Failed | S::Closed,
            E::Prepared | E::Attempted | E::NotSent | E::Declined | E::OrderCancelled,
        )
        | (
            S::Awaiting | S::Ready | S::Unknown | S::Failed | S::Closed,
            E::CancelledPartly | E::CancelledWholly,
        ) => None,
    }
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Awaiting,
        Self::Ready,
        Self::Unknown,
        Self::Approved,
        Self::PartiallyCancelled,
        Self::Cancelled,
        Self::Failed,
        Self::Closed,
    ];

    /// As the API and the table call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Awaiting => "AWAITING",
            Self::Ready => "READY",
            Self::Unknown => "UNKNOWN",
            Self::Approved => "APPROVED",
            Self::PartiallyCancelled => "PARTIALLY_CANCELLED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether the gateway has money that can go back.
    #[must_use]
    pub const fn has_money(self) -> bool {
        match self {
            Self::Approved | Self::PartiallyCancelled => true,
            Self::Awaiting
            | Self::Ready
            | Self::Unknown
            | Self::Cancelled
            | Self::Failed
            | Self::Closed => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no [`State`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of a payment")]
pub struct NoState(String);

impl FromStr for State {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| NoState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
