use std::{error::Error, time::Duration};

use serde_json::{Map, Value};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientConfigError {
    /// The base URL is none.
    #[error("the URL is not valid: {0}; it is http://host:port or https://host")]
    Url(String),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// The breaker's settings make no sense.
    #[error("circuit breaker: {0}")]
    Breaker(String),
}

/// What a neighbour says about a request it did not fulfil.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remote {
    /// The status of the answer.
    pub status: u16,
    /// The problem's `code`; empty where the answer has none.
    pub code: String,
    /// The problem's `detail`, else its `message` or `title`; empty where the answer has none.
    pub detail: String,
    /// All fields of the answer's JSON object.
    pub fields: Map<String, Value>,
}

impl Remote {
    /// Reads a problem; anything else is one without code.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let fields: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let code = text("code").unwrap_or_default().to_owned();
        let detail = text("detail").or_else(|| text("message"));
        let detail = detail.or_else(|| text("title")).unwrap_or_default();
        Self {
            status,
            code,
            detail: detail.to_owned(),
            fields,
        }
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.status, self.code, self.detail)
    }
}

/// What became of a call that was not fulfilled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The neighbour does not want it, and did nothing.
    #[error("{neighbour} refused: {remote}")]
    Refused {
        /// Who.
        neighbour: &'static str,
        /// What it says.
        remote: Box<Remote>,
    },
    /// It was not sent, or answered 503: nothing happened. It may work later.
    #[error("{neighbour} is not available: {reason}")]
    Unavailable {
        /// Who.
        neighbour: &'static str,
        /// Why.
        reason: String,
        /// What it says, if it said something.
        remote: Option<Box<Remote>>,
        /// When to ask again, if it said so.
        retry_after: Option<Duration>,
    },
    /// It was sent, and no answer says whether it had an effect.
    #[error("{neighbour} gave no answer that counts: {reason}")]
    Unknown {
        /// Who.
        neighbour: &'static str,
        /// Why.
        reason: String,
        /// What it says, if it said something.
        remote: Option<Box<Remote>>,
    },
}

impl ClientError {
    pub(super) fn unavailable(neighbour: &'static str, reason: impl Into<String>) -> Self {
        Self::Unavailable {
            neighbour,
            reason: reason.into(),
            remote: None,
            retry_after: None,
        }
    }

    pub(super) fn unknown(neighbour: &'static str, reason: impl Into<String>) -> Self {
        Self::Unknown {
            neighbour,
            reason: reason.into(),
            remote: None,
        }
    }

    /// What the neighbour says, if it said something.
    #[must_use]
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Self::Refused { remote, .. } => Some(remote),
            Self::Unavailable { remote, .. } | Self::Unknown { remote, .. } => remote.as_deref(),
        }
    }

    /// The code of what it says; empty where there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.remote().map_or("", |remote| remote.code.as_str())
    }

    /// The status of what it says.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.remote().map(|remote| remote.status)
    }

    /// For metrics.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// An error with its causes, without the URL it may hold.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
