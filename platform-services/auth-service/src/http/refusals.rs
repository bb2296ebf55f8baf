//! What a refusal is over HTTP: the one table.

use access_token::sign::SigningError;
use hyper::StatusCode;
use service_kit::{client::ClientError, http::Problem};

use crate::{attempts::TooMany, secret::NoRandomness};

/// Why something is not done, though nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// No such account, or another password: which of both is nobody's business.
    #[error("email or password is wrong")]
    InvalidCredentials,
    /// The account is locked; said only to who knows the password.
    #[error("this account is locked; ask the shop to unlock it")]
    AccountLocked,
    /// Why exactly is nobody's business.
    #[error("the refresh token does not count any more; log in again")]
    InvalidRefreshToken,
    /// No such client, or another secret.
    #[error("client id or secret is wrong")]
    InvalidClient,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code, title) = match refusal {
            Refusal::InvalidCredentials => (
                StatusCode::UNAUTHORIZED,
                "INVALID_CREDENTIALS",
                "Invalid credentials",
            ),
            Refusal::AccountLocked => (StatusCode::FORBIDDEN, "ACCOUNT_LOCKED", "Account locked"),
            Refusal::InvalidRefreshToken => (
                StatusCode::UNAUTHORIZED,
                "INVALID_REFRESH_TOKEN",
                "Invalid refresh token",
            ),
            Refusal::InvalidClient => {
                (StatusCode::UNAUTHORIZED, "INVALID_CLIENT", "Invalid client")
            }
        };
        Self::new(status, code, title, refusal.to_string())
    }
}

impl From<TooMany> for Problem {
    fn from(too_many: TooMany) -> Self {
        let seconds = too_many.retry_after_seconds;
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_ATTEMPTS",
            "Too many attempts",
            format!("too many failed attempts; try again in {seconds} s"),
        )
        .retry_after(seconds)
    }
}

/// A session that is refreshed again and again: a client in a circle, or somebody who fills our tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooManyRefreshes {
    /// When it may be again, in ms from now.
    pub(super) wait_ms: i64,
}

impl From<TooManyRefreshes> for Problem {
    fn from(too_many: TooManyRefreshes) -> Self {
        let seconds = u32::try_from(too_many.wait_ms).unwrap_or(0).div_ceil(1000);
        let seconds = seconds.max(1);
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_REFRESHES",
            "Too many refreshes",
            format!(
                "this session was refreshed too often; the token still counts, use it in {seconds} s"
            ),
        )
        .retry_after(seconds)
    }
}

/// What is answered when user-service did not do what we asked it. Its refusals that have an answer
/// of their own are told apart before.
pub(super) fn of_users(error: ClientError) -> Problem {
    match &error {
        ClientError::Unavailable { .. } if error.code() == "OVERLOADED" => {
            Problem::overloaded("too many passwords are being checked; try again in a moment")
        }
        ClientError::Unavailable { .. } | ClientError::Unknown { .. } => {
            tracing::warn!(%error, "user-service");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "NEIGHBOUR_UNAVAILABLE",
                "A service does not answer",
                "user does not answer; nothing was changed, the same request may succeed later",
            )
            .with("neighbour", "user")
            .retry_after(1)
        }
        ClientError::Refused { .. } => {
            tracing::error!(%error, "user-service refuses what we ask");
            Problem::internal()
        }
    }
}

pub(super) fn of_signing(error: SigningError) -> Problem {
    tracing::error!(%error, "no token");
    Problem::internal()
}

pub(super) fn of_randomness(error: NoRandomness) -> Problem {
    tracing::error!(%error, "no token");
    Problem::internal()
}
