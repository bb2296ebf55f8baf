//! What can go wrong with a server that a test started.

use std::{io, time::Duration};

/// Result of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault of the machine or of a started server. A test has nothing to decide here: it fails with the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is not installed.
    #[error("{program} is not on PATH; `cargo dev doctor` says how to get it")]
    Missing {
        /// Name of the binary.
        program: String,
    },
    /// A system call failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A condition did not come true before its deadline.
    #[error("{what}: not within {limit:?}")]
    TimedOut {
        /// The condition, as a statement.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The server ended while something was waited for.
    #[error("{what}: the process ended ({status}); its last lines:\n{log}")]
    Ended {
        /// What was waited for.
        what: String,
        /// How it ended.
        status: String,
        /// The end of its output.
        log: String,
    },
    /// The call needs a running server.
    #[error("{program} is not running")]
    NotRunning {
        /// Name of the server.
        program: String,
    },
    /// The call needs a stopped server.
    #[error("{program} is running; stop it first")]
    Running {
        /// Name of the server.
        program: String,
    },
    /// Redis answered with an error reply; the text begins with Redis's own code.
    #[error("redis answered: {0}")]
    Refused(String),
    /// MariaDB refused a statement, or its client could not reach it; the text is the client's.
    #[error("mariadb: {0}")]
    Sql(String),
    /// Kafka Connect refused a call, or nobody answered; or a connector has failed.
    #[error("Kafka Connect: {0}")]
    Connect(String),
    /// The bytes that came back are no Redis reply, or a file of Redis is not as expected.
    #[error("not understood: {0}")]
    Protocol(String),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
