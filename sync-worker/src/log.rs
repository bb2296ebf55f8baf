//! Logs: one line an event on standard error, as text or JSON.

use service_kit::{
    telemetry::{self, LogFormat},
    tls::Trust,
};

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Installs the process's subscriber; `filter` is a level or a `tracing` filter. A collector of spans is
/// trusted as `trust` says. A second call changes nothing.
pub fn init(format: Format, filter: &str, trust: &Trust) {
    let format = match format {
        Format::Json => LogFormat::Json,
        Format::Text => LogFormat::Text,
    };
    telemetry::init(format, filter, trust);
}
