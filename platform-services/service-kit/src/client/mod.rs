//! Calls to other services over HTTP.
//!
//! A slow or dead neighbour costs its caller a bounded time and a bounded number of connections, and
//! after a few failures in a row nothing at all: the breaker answers for it, and lets a few calls
//! through from time to time to see whether it is back. What became of a call is told apart:
//! [`ClientError`].
//!
//! The breaker is `tower-resilience-circuitbreaker`: kept up, lets only a few calls probe a neighbour
//! that was away, and gives a probe's place back when its caller went away. (`failsafe` and
//! `recloser` let everybody through at that moment.)
//!
//! ```no_run
//! # use prometheus_client::registry::Registry;
//! # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
//! use service_kit::{
//!     client::{Client, ClientSettings, Outbound, TokenSource},
//!     tls::Trust,
//! };
//!
//! let mut registry = Registry::default();
//! let outbound = Outbound::register(&mut registry, Trust::default());
//! let secret = "of the environment".to_owned().into();
//! let tokens = TokenSource::client_credentials(
//!     "http://127.0.0.1:8089", "order-service", secret, &outbound,
//! )?;
//! let catalog = Client::new(
//!     "http://127.0.0.1:8084", ClientSettings::new("catalog"), tokens, &outbound,
//! )?;
//! let answer: serde_json::Value = catalog
//!     .post("/internal/skus/resolve")
//!     .json(&serde_json::json!({"skuIds": ["1"]}))
//!     .idempotent()
//!     .fetch()
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod attempt;
mod breaker;
mod call;
mod error;
mod metrics;
mod outbound;
mod settings;
mod token;

use std::sync::Arc;

use tokio::sync::Semaphore;

use self::breaker::Guarded;
pub use self::{
    attempt::Answer,
    call::Call,
    error::{ClientConfigError, ClientError, Remote},
    metrics::ClientMetrics,
    outbound::Outbound,
    settings::ClientSettings,
    token::{Grant, TokenSource},
};

/// Calls one neighbour. Cheap to clone; clones share connections, places and the breaker.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base_url: String,
    settings: ClientSettings,
    http: reqwest::Client,
    guarded: Guarded,
    tokens: TokenSource,
    places: Semaphore,
    metrics: ClientMetrics,
}

impl Client {
    /// Of the neighbour at `base_url`, `http://…` or `https://…`, whose path is put before every
    /// call's. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ClientConfigError`].
    pub fn new(
        base_url: &str,
        settings: ClientSettings,
        tokens: TokenSource,
        outbound: &Outbound,
    ) -> Result<Self, ClientConfigError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base_url)
            .map_err(|error| ClientConfigError::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ClientConfigError::Url("neither http nor https".to_owned()));
        }
        let tls = outbound
            .trust()
            .client_config()
            .map_err(|error| ClientConfigError::Tls(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(settings.connections_max)
            .pool_idle_timeout(settings.idle_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientConfigError::Tls(error::chain(&error)))?;
        Ok(Self(Arc::new(Inner {
            guarded: breaker::guard(http.clone(), settings, outbound.metrics())?,
            places: Semaphore::new(settings.connections_max),
            metrics: outbound.metrics().clone(),
            base_url,
            settings,
            http,
            tokens,
        })))
    }

    /// A `GET`, which may be repeated.
    pub fn get(&self, path: &str) -> Call {
        Call::new(self.clone(), reqwest::Method::GET, path).idempotent()
    }

    /// A `POST`, which is sent once, unless it is marked [`Call::idempotent`].
    pub fn post(&self, path: &str) -> Call {
        Call::new(self.clone(), reqwest::Method::POST, path)
    }

    /// A `PUT`, which is sent once, unless it is marked [`Call::idempotent`].
    pub fn put(&self, path: &str) -> Call {
        Call::new(self.clone(), reqwest::Method::PUT, path)
    }

    /// A `DELETE`, which is sent once, unless it is marked [`Call::idempotent`].
    pub fn delete(&self, path: &str) -> Call {
        Call::new(self.clone(), reqwest::Method::DELETE, path)
    }
}
