#![doc = include_str!("../README.md")]

mod app;
mod auth;
mod body;
mod coalesce;
mod config;
mod embedded_redis;
mod handler;
mod ids;
pub mod limits;
pub mod log;
#[doc(hidden)]
pub mod measured;
mod metrics;
mod problem;
mod purger;
mod request_id;
mod route;
mod server;
mod status;
mod sweeper;
mod trace;
mod watch;
mod wire;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use inventory_core::engine::{ConnectError, Engine, EngineConfig, ShardClock};
use tokio::task::JoinSet;

use crate::{app::App, embedded_redis::EmbeddedRedis, metrics::Metrics, purger::Keep};
pub use crate::{
    config::{Auth, Config, LogFormat, NoConfig, Store},
    embedded_redis::EmbeddedError,
    server::Stop,
};

/// Why the server ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The embedded Redis did not come up.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// Redis is not what was asked for, or cannot be reached.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// A task that runs as long as the server does has ended.
    #[error("a background task ended: {0}")]
    Background(String),
}

impl Error {
    /// What the process exits with: 64 where the configuration must change, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Redis(ConnectError::Refused(_) | ConnectError::Url(_)) => 64,
            Self::Redis(ConnectError::Unreachable(_))
            | Self::Listen { .. }
            | Self::Embedded(_)
            | Self::Background(_) => 1,
        }
    }
}

/// Runs a server until `stop`, and drains. `ready` is told the address once it is served.
///
/// # Errors
/// [`Error`] when it cannot start, or a part of it fails.
pub async fn run(config: Config, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let listen_error = |error| Error::Listen {
        address: config.listen,
        error,
    };
    let listener = server::bind(config.listen).map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let embedded = match &config.store {
        Store::Url(_) => None,
        Store::Embedded(dir) => Some(EmbeddedRedis::start(dir, config.durability).await?),
    };
    let served = tokio::select! {
        engine = connect(&config, embedded.as_ref()) => match engine {
            Ok(engine) => {
                ready(address);
                tracing::info!(%address, tls = config.tls.server.is_some(), "listening");
                serve(listener, engine, &config, &stop).await
            }
            Err(error) => Err(error.into()),
        },
        () = stop.drain.cancelled() => Ok(()),
    };
    if let Some(redis) = embedded {
        redis.stop().await;
    }
    served
}

/// Reaches Redis, waiting for it as long as the configuration says.
async fn connect(
    config: &Config,
    embedded: Option<&EmbeddedRedis>,
) -> Result<Engine, ConnectError> {
    let url = match (&config.store, embedded) {
        (_, Some(redis)) => redis.url(),
        (Store::Url(url), None) => url,
        (Store::Embedded(_), None) => "",
    };
    let tls = url
        .starts_with("rediss://")
        .then(|| config.tls.trust.client_config());
    let engine = EngineConfig {
        tls: tls
            .transpose()
            .map_err(|error| ConnectError::Url(error.to_string()))?,
        durability: config.durability,
        durability_unverified: config.durability_unverified,
        projection: config.projection,
        clock: ShardClock::Redis,
        who: format!(
            "inventory-server {} (pid {})",
            env!("CARGO_PKG_VERSION"),
            std::process::id()
        ),
        ..EngineConfig::new(url)
    };
    let give_up = Instant::now() + config.redis_wait;
    let mut told = false;
    loop {
        match Engine::connect(engine.clone()).await {
            Err(ConnectError::Unreachable(reason)) if Instant::now() < give_up => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(
                        reason,
                        wait_seconds = config.redis_wait.as_secs(),
                        "waiting for Redis"
                    );
                }
                tokio::time::sleep(limits::CONNECT_PAUSE).await;
            }
            settled => return settled,
        }
    }
}

/// Serves requests and runs what goes on beside them.
async fn serve(
    listener: tokio::net::TcpListener,
    engine: Engine,
    config: &Config,
    stop: &Stop,
) -> Result<(), Error> {
    let metrics = Metrics::new(config.tls.server.as_ref());
    let app = Arc::new(App::new(engine, config, Arc::new(metrics)));
    let keep = Keep {
        records: config.retention,
        journal: config.journal_keep,
        journal_max_bytes: config.journal_max_bytes / 100 * limits::JOURNAL_TRIM_PERCENT,
    };
    // None of these ends by itself, and all are cut without harm: each change is one script call.
    let mut background = JoinSet::new();
    background.spawn(sweeper::run(Arc::clone(&app)));
    background.spawn(purger::run(Arc::clone(&app), keep));
    background.spawn(status::run(Arc::clone(&app), config.journal_max_bytes));
    background.spawn(watch::poll(Arc::clone(&app)));
    if let Some(tls) = &config.tls.server {
        background.spawn(tls.clone().keep_fresh());
    }
    let mut serving = std::pin::pin!(server::serve(listener, Arc::clone(&app), config, stop));
    let served = tokio::select! {
        () = &mut serving => Ok(()),
        Some(ended) = background.join_next() => {
            let why = ended.err().map_or_else(|| "without a reason".to_owned(), |error| error.to_string());
            tracing::error!(why, "a background task ended, draining");
            stop.drain.cancel();
            serving.await;
            Err(Error::Background(why))
        }
    };
    background.shutdown().await;
    tracing::info!("drained");
    service_kit::telemetry::flush().await;
    served
}
