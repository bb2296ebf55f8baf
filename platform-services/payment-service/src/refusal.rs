//! Everything the API says no to, and what it looks like over HTTP: the one table.

use axum::http::StatusCode;
use contracts::Amount;
use service_kit::http::Problem;

use crate::{state::State, store::StoreError};

/// Why something was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is none, or it is somebody else's.
    NotFound,
    /// The client's amount is not the payment's.
    AmountMismatch { amount: Amount },
    /// Not in this state.
    State(State),
    /// The gateway declined.
    Declined { code: String },
    /// The gateway was not reached, so nothing was tried.
    GatewayUnavailable,
    /// More than is left.
    CancelExceeds { balance: Amount },
    /// The gateway does not pay back.
    RefundRefused { code: String },
    /// The key was used for something else.
    IdempotencyMismatch,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "PAYMENT_NOT_FOUND",
                "Payment not found",
                "there is no such payment of yours; look for it by its order",
            ),
            Refusal::AmountMismatch { amount } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "AMOUNT_MISMATCH",
                "Amount mismatch",
                format!("the amount of this payment is {amount}; nothing was taken"),
            )
            .with("amount", amount),
            Refusal::State(state) => {
                let problem = Self::new(
                    StatusCode::CONFLICT,
                    "INVALID_PAYMENT_STATE",
                    "Invalid payment state",
                    explained(state),
                )
                .with("state", state.name());
                match state {
                    // It is a matter of moments.
                    State::Awaiting => problem.retry_after(1),
                    State::Ready
                    | State::Unknown
                    | State::Approved
                    | State::PartiallyCancelled
                    | State::Cancelled
                    | State::Failed
                    | State::Closed => problem,
                }
            }
            Refusal::Declined { code } => Self::new(
                StatusCode::PAYMENT_REQUIRED,
                "PAYMENT_DECLINED",
                "Payment declined",
                "the gateway declined, and the order is cancelled; place a new one to pay in another way",
            )
            .with("gatewayCode", code),
            Refusal::GatewayUnavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "GATEWAY_UNAVAILABLE",
                "Gateway unavailable",
                "the payment gateway cannot be reached; nothing was taken, repeat the request with the same paymentKey",
            )
            .retry_after(2),
            Refusal::CancelExceeds { balance } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "CANCEL_EXCEEDS_PAYMENT",
                "Cancel exceeds payment",
                format!("{balance} of this payment can be paid back"),
            )
            .with("balance", balance),
            Refusal::RefundRefused { code } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "REFUND_REFUSED",
                "Refund refused",
                "the gateway does not pay this back; its code says why. Another try needs another Idempotency-Key",
            )
            .with("gatewayCode", code),
            Refusal::IdempotencyMismatch => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_MISMATCH",
                "Idempotency mismatch",
                "this Idempotency-Key was used with another body; use a new one",
            ),
        }
    }
}

const fn explained(state: State) -> &'static str {
    match state {
        State::Awaiting => "the order's goods are not held yet; ask again in a moment",
        State::Ready => "nothing was paid yet",
        State::Unknown => {
            "another attempt to pay is under way; ask for the payment until its outcome is known"
        }
        State::Approved => "it is paid, with another paymentKey",
        State::PartiallyCancelled => "it was paid, and a part of it was paid back",
        State::Cancelled => "it was paid, and all of it was paid back",
        State::Failed => "it was declined; place a new order",
        State::Closed => "its order was cancelled; place a new one",
    }
}

/// A refusal, or a fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("{0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotDone {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for NotDone {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotDone> for Problem {
    fn from(not: NotDone) -> Self {
        match not {
            NotDone::Refused(refusal) => refusal.into(),
            NotDone::Store(error) => error.into(),
        }
    }
}
