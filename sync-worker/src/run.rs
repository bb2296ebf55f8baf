//! The process: the ops port from the beginning, then both stores, however long they take, then the
//! worker.

mod config;
mod flags;

use std::{net::SocketAddr, sync::Arc};

use inventory_core::{
    ShardId,
    engine::{ConnectError, Durability, Engine, EngineConfig, ProjectionMode},
};
use sqlx::MySqlPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::{Config, NoConfig};

use crate::{
    config::without_password,
    database::{self, DatabaseError},
    identity,
    ops::{self, Ops},
    recover::Scene,
    status::{Phase, Status},
    worker::{Backoff, Worker},
};

/// Why the worker ended before it was told to.
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
    /// The ops port failed.
    #[error("the ops port failed: {0}")]
    Ops(std::io::Error),
    /// A URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Redis is not what it has to be.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// A part of the process ended that runs as long as it does.
    #[error("a background task ended: {0}")]
    Background(String),
}

impl Error {
    /// What the process exits with: 64 where the configuration must change, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Redis(ConnectError::Refused(_) | ConnectError::Url(_))
            | Self::Database(DatabaseError::Url(_)) => 64,
            Self::Redis(ConnectError::Unreachable(_))
            | Self::Database(
                DatabaseError::Unreachable(_) | DatabaseError::Locked | DatabaseError::Migration(_),
            )
            | Self::Listen { .. }
            | Self::Ops(_)
            | Self::Background(_) => 1,
        }
    }
}

/// Runs until `stop`. `ready` is told the address of the ops port, which answers from then on.
///
/// # Errors
/// [`Error`] when it cannot start, or a part of it fails.
pub async fn run(
    config: Config,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    let address = config.ops_listen;
    let listen_error = |error| Error::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let pool = database::pool(&config.stores.database_url)?;
    let status = Arc::new(Status::default());
    ready(address);
    tracing::info!(
        %address,
        redis = without_password(&config.stores.redis_url),
        mariadb = without_password(&config.stores.database_url),
        "listening"
    );
    if !config.no_kafka {
        tracing::info!("no events are sent to Kafka: this version only projects into MariaDB");
    }
    let ops = Ops::new(pool.clone(), ShardId::ZERO, Arc::clone(&status));
    // On its way out the worker still writes, and the port still answers.
    let ops_stop = CancellationToken::new();
    let mut serving = tokio::spawn(ops::serve(listener, ops, ops_stop.clone()));
    let mut working = tokio::spawn(work(config, pool, status, stop));
    tokio::select! {
        worked = &mut working => {
            ops_stop.cancel();
            let served = serving.await.map_err(|error| Error::Background(error.to_string()))?;
            worked.map_err(|error| Error::Background(error.to_string()))??;
            served.map_err(Error::Ops)
        }
        served = &mut serving => {
            working.abort();
            match served {
                Ok(Ok(())) => Err(Error::Background("the ops port stopped".to_owned())),
                Ok(Err(error)) => Err(Error::Ops(error)),
                Err(error) => Err(Error::Background(error.to_string())),
            }
        }
    }
}

async fn work(
    config: Config,
    pool: MySqlPool,
    status: Arc<Status>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let url = &config.stores.database_url;
    let migrated = until_there(&status, &stop, || async {
        match database::migrate(url, &pool).await {
            Ok(()) => Ok(Ok(())),
            Err(error @ DatabaseError::Url(_)) => Ok(Err(error)),
            Err(
                error @ (DatabaseError::Unreachable(_)
                | DatabaseError::Locked
                | DatabaseError::Migration(_)),
            ) => Err(error.to_string()),
        }
    });
    let Some(migrated) = migrated.await else {
        return Ok(());
    };
    migrated?;
    let who = identity::who();
    let engine = until_there(&status, &stop, || async {
        match Engine::connect(engine_config(&config.stores.redis_url, &who)).await {
            Err(ConnectError::Unreachable(why)) => Err(ConnectError::Unreachable(why).to_string()),
            settled => Ok(settled),
        }
    });
    let Some(engine) = engine.await else {
        return Ok(());
    };
    let scene = Scene {
        engine: engine?,
        pool,
        shard: ShardId::ZERO,
        status,
        who,
        retention: config.retention,
    };
    Box::pin(Worker::new(scene, stop).run()).await;
    Ok(())
}

/// How the worker and the CLI reach Redis: they never open a shard by the gate, and make no promise
/// about durability; the servers do.
#[must_use]
pub fn engine_config(redis_url: &str, who: &str) -> EngineConfig {
    EngineConfig {
        durability: Durability::None,
        durability_unverified: true,
        projection: ProjectionMode::Required,
        who: who.to_owned(),
        ..EngineConfig::new(redis_url)
    }
}

/// Tries until it is there, or until it is told to stop (then `None`). Says what it waits for.
///
/// Not an `AsyncFnMut`: its future could not be sent to another thread.
async fn until_there<T, F: Future<Output = Result<T, String>>>(
    status: &Status,
    stop: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Option<T> {
    let mut backoff = Backoff::default();
    loop {
        let tried = tokio::select! {
            () = stop.cancelled() => return None,
            tried = attempt() => tried,
        };
        let why = match tried {
            Ok(there) => return Some(there),
            Err(why) => why,
        };
        if !matches!(status.phase(), Phase::Waiting { why: before } if before == why) {
            tracing::warn!(why, "waiting");
        }
        status.enter(Phase::Waiting { why });
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}
