//! The rows. Whoever changes a payment, or what belongs to it, locks its row first; the order of locks
//! is payment, refund, outbox.

mod claim;
mod hold;
mod payment;
mod refund;

use service_kit::{consumer::HandlerError, http::Problem, outbox::OutboxError};

pub(crate) use self::{
    claim::{Due, cause, claim},
    hold::{forget_holds, hold, keep_hold, stale_holds},
    payment::{
        Attempt, Payment, by_id, by_order, end_attempt, lock, lock_or_create, save, write_attempt,
    },
    refund::{
        Kind, Refund, Status, has_call_of_another, lock_refund, refunds_of, same_cancel,
        save_refund, write_refund,
    },
};

/// Why the rows were not read or written. The transaction rolls back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

impl StoreError {
    /// A row that the code cannot have written.
    pub(crate) fn broken(what: impl std::fmt::Display) -> Self {
        Self::Sql(sqlx::Error::Decode(what.to_string().into()))
    }
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Sql(error) => error.into(),
            StoreError::Outbox(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Sql(error) | StoreError::Outbox(OutboxError::Sql(error)) => error.into(),
            StoreError::Outbox(error) => {
                tracing::error!(%error, "an event cannot be written");
                Self::internal()
            }
        }
    }
}

/// As much of a text as a column has room for.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
