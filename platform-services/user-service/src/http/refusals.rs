//! What a refusal is over HTTP: the one table.

use hyper::StatusCode;
use service_kit::http::Problem;

use crate::{
    password::HashError,
    store::{Refusal, StoreError},
};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code, title) = match refusal {
            Refusal::EmailTaken => (StatusCode::CONFLICT, "EMAIL_TAKEN", "Email taken"),
            Refusal::UnknownUser => (StatusCode::NOT_FOUND, "UNKNOWN_USER", "Unknown user"),
            Refusal::Locked => (StatusCode::FORBIDDEN, "ACCOUNT_LOCKED", "Account locked"),
            Refusal::Withdrawn => (
                StatusCode::CONFLICT,
                "ACCOUNT_WITHDRAWN",
                "Account withdrawn",
            ),
            Refusal::UnknownAddress => {
                (StatusCode::NOT_FOUND, "UNKNOWN_ADDRESS", "Unknown address")
            }
            Refusal::TooManyAddresses => (
                StatusCode::CONFLICT,
                "TOO_MANY_ADDRESSES",
                "Too many addresses",
            ),
        };
        Self::new(status, code, title, refusal.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal.into(),
            StoreError::Sql(error) => error.into(),
            StoreError::Event(error) => {
                tracing::error!(error, "an event cannot be written");
                Self::internal()
            }
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::overloaded(error.to_string()),
            HashError::Failed(error) => {
                tracing::error!(error, "argon2");
                Self::internal()
            }
        }
    }
}
