//! Logs: one line an event on standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Installs the process's subscriber; `filter` is a level or a `tracing` filter. A second call
/// changes nothing.
pub fn init(format: Format, filter: &str) {
    let filter = EnvFilter::new(filter);
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let installed = match format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
    };
    if let Err(error) = installed {
        tracing::debug!(%error, "a subscriber is installed already");
    }
}
