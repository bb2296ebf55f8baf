//! Logs: one line an event on standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Config, LogFormat};

/// Installs the process's subscriber. A second call changes nothing.
pub fn init(config: &Config) {
    let filter = EnvFilter::new(&config.log_level);
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let installed = match config.log {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
    };
    if let Err(error) = installed {
        tracing::debug!(%error, "a subscriber is installed already");
    }
}
