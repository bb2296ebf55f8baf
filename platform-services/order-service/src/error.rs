//! What goes wrong, and what HTTP and Kafka make of it.

use axum::response::{IntoResponse, Response};
use service_kit::{
    consumer::HandlerError,
    db,
    http::{FieldError, Problem},
    outbox::OutboxError,
};

use crate::refusal::Refusal;

/// Why something was not done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not wanted, or not possible.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The request is not valid.
    #[error("invalid: {0:?}")]
    Invalid(Vec<FieldError>),
    /// The database.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A row says what this code never writes.
    #[error("a row makes no sense: {0}")]
    Corrupt(String),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Error {
    /// One fault of a request.
    pub(crate) fn field(field: impl Into<String>, reason: impl ToString) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.into(),
            reason: reason.to_string(),
        }])
    }

    /// Whether MariaDB ended the transaction because of another one: the same may succeed at once.
    pub(crate) fn is_contention(&self) -> bool {
        /// A deadlock, a lock wait that took too long, a row that changed since the snapshot.
        const CONTENTION: [u16; 3] = [1213, 1205, 1020];
        let sql = match self {
            Self::Sql(error) | Self::Outbox(OutboxError::Sql(error)) => error,
            Self::Refused(_) | Self::Invalid(_) | Self::Outbox(_) | Self::Corrupt(_) => {
                return false;
            }
        };
        db::number(sql).is_some_and(|number| CONTENTION.contains(&number))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Invalid(errors) => Self::invalid(errors),
            Error::Sql(error) | Error::Outbox(OutboxError::Sql(error)) => error.into(),
            Error::Outbox(error) => {
                tracing::error!(%error, "an event cannot be written");
                Self::internal()
            }
            Error::Corrupt(what) => {
                tracing::error!(what, "a row makes no sense");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

impl From<Error> for HandlerError {
    fn from(error: Error) -> Self {
        match error {
            Error::Sql(error) => error.into(),
            Error::Outbox(error) => error.into(),
            Error::Corrupt(what) => Self::permanent("CORRUPT", what),
            Error::Refused(_) | Error::Invalid(_) => Self::permanent("REFUSED", error),
        }
    }
}
