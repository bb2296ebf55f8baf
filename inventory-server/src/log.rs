//! Logs: one line an event on standard error, as text or JSON.

use service_kit::telemetry;

use crate::config::{Config, LogFormat};

/// Installs the process's subscriber. A second call changes nothing.
pub fn init(config: &Config) {
    let format = match config.log {
        LogFormat::Json => telemetry::LogFormat::Json,
        LogFormat::Text => telemetry::LogFormat::Text,
    };
    telemetry::init(format, &config.log_level, &config.tls.trust);
}
