//! A gateway for development and tests: the REST shapes of Toss Payments, books instead of money.
//!
//! The beginning of a payment key says what becomes of it; the README has the table. `GET
//! /sandbox/ledger` shows what was taken and paid back for each order.

mod config;
mod http;
mod ledger;
mod script;
mod webhook;

use std::net::SocketAddr;

use service_kit::{
    client::{ClientConfigError, Outbound},
    http::{App, Settings},
    metrics,
    shutdown::Stop,
};
use tokio::net::TcpListener;

pub use self::config::Config;
use self::{http::Sandbox, ledger::Ledger, webhook::Webhooks};

/// Why the sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The file of the books cannot be used.
    #[error("cannot use the state file {0}: {1}")]
    State(String, std::io::Error),
    /// No client for webhooks.
    #[error("--webhook-url: {0}")]
    Webhooks(#[from] ClientConfigError),
}

/// Runs until `stop`. `ready` is told the address, which answers from then on.
///
/// # Errors
/// [`Error`] when it cannot start.
pub async fn run(config: Config, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| Error::Listen(config.listen, error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Error::Listen(config.listen, error))?;
    let ledger = match &config.state {
        None => Ledger::default(),
        Some(path) => {
            Ledger::open(path).map_err(|error| Error::State(path.display().to_string(), error))?
        }
    };
    let settings = Settings {
        request_timeout: config.hold + config.slow + Settings::default().request_timeout,
        ..Settings::default()
    };
    let mut registry = metrics::registry("toss_sandbox", env!("CARGO_PKG_VERSION"));
    let outbound = Outbound::register(&mut registry, config.tls.trust.clone());
    let webhooks = Webhooks::new(
        config.webhook_url.as_deref(),
        config.webhook_delay,
        &outbound,
    )?;
    let app = App::new(registry).tls(config.tls.server.clone());
    let sandbox = Sandbox::new(config, ledger, webhooks, stop.drain.clone());
    ready(address);
    app.serve(listener, http::routes(sandbox), settings, &stop)
        .await;
    Ok(())
}
