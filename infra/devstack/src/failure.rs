//! Why a command did not do its job, and what to do next.

use std::io;

/// Exit code of a usage error (`EX_USAGE`).
pub(crate) const USAGE: u8 = 64;

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// What the reader can do about it.
    pub(crate) next: String,
    pub(crate) code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next: next.into(),
            code: 1,
        }
    }

    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            ..Self::new(message, next)
        }
    }

    /// For `map_err` on a system call; `what` is what was attempted.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| {
            let next = "free disk space and write permission in the checkout are the usual reasons";
            Self::new(format!("{what}: {error}"), next)
        }
    }
}

impl From<devstack::Error> for Failure {
    fn from(error: devstack::Error) -> Self {
        Self::new(error.to_string(), "cargo dev status, cargo dev doctor")
    }
}
