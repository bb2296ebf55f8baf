//! k6, the load generator.

use std::path::{Path, PathBuf};

pub use crate::golang::{BUILD_TIMEOUT, go};
use crate::{Result, golang::GoProgram};

/// The k6 that scenarios are written for.
pub const K6_VERSION: &str = "1.8.1";

const K6: GoProgram = GoProgram {
    name: "k6",
    package: "go.k6.io/k6",
    version: K6_VERSION,
};

/// The program, built where it is missing. It is in the target folder; `fallback` takes it where there is none.
///
/// # Errors
/// [`crate::Error::Missing`] without any `go`; [`crate::Error::Ended`] with Go's words when the build fails;
/// [`crate::Error::TimedOut`].
pub fn installed(fallback: &Path) -> Result<PathBuf> {
    K6.installed(fallback)
}
