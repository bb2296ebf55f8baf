use std::borrow::Cow;

use contracts::DecodeError;
use rdkafka::error::KafkaError;

use crate::{db, outbox::OutboxError};

/// Why a handler did not handle an event. Its transaction is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It will work later: something is away or busy. Tried again until it does.
    #[error("{0}")]
    Transient(String),
    /// It never will: the event goes to the dead letters.
    #[error("{reason}: {error}")]
    Permanent {
        /// A word in `UPPER_CASE`, the header `dlq_reason`.
        reason: Cow<'static, str>,
        /// The header `dlq_error`.
        error: String,
    },
}

/// What the data of an event must be and is not.
pub(super) const INVALID_DATA: &str = "INVALID_DATA";
/// A version of the envelope or of the type that is not known here.
pub(super) const UNKNOWN_VERSION: &str = "UNKNOWN_VERSION";
/// It stands in a batch that librdkafka cannot read.
pub(super) const UNREADABLE: &str = "UNREADABLE";
/// The handler's database refused what it wrote, and would again.
const DATABASE: &str = "DATABASE";

impl HandlerError {
    /// It will work later.
    pub fn transient(error: impl ToString) -> Self {
        Self::Transient(error.to_string())
    }

    /// It never will; `reason` is a word in `UPPER_CASE`.
    pub fn permanent(reason: impl Into<Cow<'static, str>>, error: impl ToString) -> Self {
        Self::Permanent {
            reason: reason.into(),
            error: error.to_string(),
        }
    }
}

impl From<sqlx::Error> for HandlerError {
    fn from(error: sqlx::Error) -> Self {
        if db::is_transient(&error) {
            Self::transient(error)
        } else {
            Self::permanent(DATABASE, error)
        }
    }
}

impl From<DecodeError> for HandlerError {
    fn from(error: DecodeError) -> Self {
        let reason = match &error {
            DecodeError::Version(_) => UNKNOWN_VERSION,
            DecodeError::Envelope(_) | DecodeError::OtherType { .. } | DecodeError::Data { .. } => {
                INVALID_DATA
            }
        };
        Self::permanent(reason, error)
    }
}

impl From<OutboxError> for HandlerError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Sql(error) => error.into(),
            OutboxError::Encode(_) | OutboxError::TooLarge { .. } | OutboxError::Key { .. } => {
                Self::permanent("OUTBOX", error)
            }
        }
    }
}

/// Why a consumer ended.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// A property that librdkafka refuses, or a topic that cannot be subscribed to.
    #[error("the consumer cannot start: {0}")]
    Start(KafkaError),
    /// Kafka has no use for it any more.
    #[error("the consumer cannot go on: {0}")]
    Fatal(KafkaError),
    /// The task of a partition ended by a panic outside of the handler, and nobody serves it.
    #[error("the task of a partition failed")]
    Broken,
}
