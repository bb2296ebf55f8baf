//! Why an operation did not do what it was asked to.

use service_kit::{db, http::Problem, outbox::OutboxError};

use crate::refusal::Refusal;

/// A refusal, or a fault.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(Box<Refusal>),
    Sql(sqlx::Error),
    Outbox(OutboxError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<OutboxError> for Failure {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Sql(error) => Self::Sql(error),
            OutboxError::Encode(_) | OutboxError::TooLarge { .. } | OutboxError::Key { .. } => {
                Self::Outbox(error)
            }
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => (*refusal).into(),
            Failure::Sql(error) => error.into(),
            Failure::Outbox(error) => {
                tracing::error!(%error, "an event cannot be written");
                Self::internal()
            }
        }
    }
}

/// How often a transaction that others are in the way of is tried.
const ATTEMPTS: u32 = 4;

/// `ER_LOCK_DEADLOCK`, and `ER_CHECKREAD`: a row changed since the snapshot.
const IN_THE_WAY: [u16; 2] = [1213, 1020];

/// Does it again when `MariaDB` rolled it back for the sake of another transaction.
pub(crate) async fn again_on_deadlock<T, F, A>(mut transaction: F) -> Result<T, Failure>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, Failure>>,
{
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match transaction().await {
            Err(Failure::Sql(error))
                if left > 0 && db::number(&error).is_some_and(|n| IN_THE_WAY.contains(&n)) => {}
            settled => return settled,
        }
    }
}
