//! The process: the ops port from the beginning, then both stores, however long they take, then the
//! parts of the worker, each for itself.

mod config;
mod flags;
mod kafka;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use inventory_core::{
    ShardId,
    engine::{ConnectError, Durability, Engine, EngineConfig, ProjectionMode},
};
use service_kit::{client::ClientConfigError, kafka::Kafka, relay::Waker, tls::Trust};
use sqlx::MySqlPool;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use config::{Config, KafkaConfig, NoConfig, Parts, Publish};

use crate::{
    commands::Commands,
    config::without_password,
    database::{self, DatabaseError},
    identity,
    ops::{self, Links, Ops},
    project::Events,
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
    /// A URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Redis is not what it has to be.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// The URL of Kafka Connect makes no sense.
    #[error("--connect-url: {0}")]
    Connect(#[from] ClientConfigError),
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
            | Self::Database(DatabaseError::Url(_))
            | Self::Connect(_) => 64,
            Self::Redis(ConnectError::Unreachable(_))
            | Self::Database(
                DatabaseError::Unreachable(_) | DatabaseError::Locked | DatabaseError::Migration(_),
            )
            | Self::Listen { .. }
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
    let Parts {
        projection,
        events,
        commands,
    } = config.parts;
    let links = Links::new(projection, events || commands, commands);
    let mut registry = ops::registry();
    let on_kafka = config.kafka.as_ref().filter(|_| events || commands);
    let metrics = on_kafka
        .map(|kafka| kafka::Metrics::register(&mut registry, &kafka.publish, &config.tls.trust));
    if let Some(tls) = &config.tls.server {
        tls.register(&mut registry);
    }
    let ops = Ops::of_parts(
        pool.clone(),
        ShardId::ZERO,
        Arc::clone(&status),
        links.clone(),
        registry,
    )
    .with_tokens(config.tokens.clone())
    .with_tls(config.tls.server.clone());
    // On its way out the worker still writes, and the port still answers.
    let ops_stop = CancellationToken::new();
    let mut serving = tokio::spawn(ops::serve(listener, ops, ops_stop.clone()));
    let worker = Process {
        config,
        pool,
        status,
        links,
        metrics,
        stop,
    };
    let mut working = tokio::spawn(worker.work());
    tokio::select! {
        worked = &mut working => {
            ops_stop.cancel();
            serving.await.map_err(|error| Error::Background(error.to_string()))?;
            worked.map_err(|error| Error::Background(error.to_string()))??;
            service_kit::telemetry::flush().await;
            Ok(())
        }
        served = &mut serving => {
            working.abort();
            match served {
                Ok(()) => Err(Error::Background("the ops port stopped".to_owned())),
                Err(error) => Err(Error::Background(error.to_string())),
            }
        }
    }
}

/// What the parts have in common.
struct Process {
    config: Config,
    pool: MySqlPool,
    status: Arc<Status>,
    links: Links,
    metrics: Option<kafka::Metrics>,
    stop: CancellationToken,
}

impl Process {
    async fn work(self) -> Result<(), Error> {
        let url = &self.config.stores.database_url;
        let migrated = until_there(&self.status, &self.stop, || async {
            match database::migrate(url, &self.pool).await {
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
        self.status.enter(Phase::Starting);
        let mut parts = self.parts()?;
        // All end when they are told to; one that ends by an error takes the others with it.
        while let Some(ended) = parts.join_next().await {
            ended.map_err(|error| Error::Background(error.to_string()))??;
        }
        Ok(())
    }

    /// Starts the parts that run here, each as a task of its own.
    fn parts(self) -> Result<JoinSet<Result<(), Error>>, Error> {
        let mut parts = JoinSet::new();
        let Parts {
            projection,
            events,
            commands,
        } = self.config.parts;
        let stop = || self.stop.clone();
        let mut outlet = self.config.kafka.as_ref().map(|_| Waker::default());
        if let (Some(config), Some(metrics)) = (&self.config.kafka, &self.metrics) {
            let kafka = Kafka::new(&config.brokers, "sync-worker").secured(config.security.clone());
            // The projection's connections are its own.
            let pool = database::pool(&self.config.stores.database_url)?;
            parts.spawn(fine(kafka::create_topics(
                kafka.clone(),
                config.topics,
                stop(),
            )));
            parts.spawn(fine(kafka::probe(
                kafka.clone(),
                self.links.clone(),
                stop(),
            )));
            if events {
                let publisher = kafka::Publisher::new(pool.clone(), kafka.clone(), metrics)?;
                outlet = Some(publisher.waker());
                parts.spawn(fine(publisher.run(stop())));
            }
            if commands {
                let part = CommandPart {
                    redis_url: self.config.stores.redis_url.clone(),
                    trust: self.config.tls.trust.clone(),
                    hold: self.config.order_hold,
                    session: config.session,
                    pool,
                    kafka,
                    metrics: metrics.clone(),
                    links: self.links.clone(),
                    waker: outlet.clone().unwrap_or_default(),
                    stop: stop(),
                };
                parts.spawn(part.run());
            }
        }
        if projection {
            parts.spawn(self.project(outlet.map(Events::new)));
        }
        Ok(parts)
    }

    async fn project(self, events: Option<Events>) -> Result<(), Error> {
        let redis = (
            self.config.stores.redis_url.as_str(),
            &self.config.tls.trust,
        );
        let Some(engine) = engine(redis, &self.status, &self.stop).await? else {
            return Ok(());
        };
        let scene = Scene {
            engine,
            pool: self.pool,
            shard: ShardId::ZERO,
            status: self.status,
            who: identity::who(),
            retention: self.config.retention,
            events,
        };
        Box::pin(Worker::new(scene, self.stop).run()).await;
        Ok(())
    }
}

/// Stock commands.
struct CommandPart {
    redis_url: String,
    trust: Trust,
    hold: Duration,
    session: Duration,
    pool: MySqlPool,
    kafka: Kafka,
    metrics: kafka::Metrics,
    links: Links,
    waker: Waker,
    stop: CancellationToken,
}

impl CommandPart {
    /// With an engine of its own: the projection's connections are its own. It obeys the gate, which
    /// only the projection opens.
    async fn run(self) -> Result<(), Error> {
        let waiting = Status::default();
        let redis = (self.redis_url.as_str(), &self.trust);
        let Some(engine) = engine(redis, &waiting, &self.stop).await? else {
            return Ok(());
        };
        self.links.engine(engine.clone());
        let commands = Commands::new(
            engine,
            ShardId::ZERO,
            self.pool,
            self.hold,
            self.waker,
            self.metrics.commands.clone(),
        );
        kafka::command(commands, self.kafka, self.session, self.metrics, self.stop).await;
        Ok(())
    }
}

/// A part that cannot fail.
async fn fine(part: impl Future<Output = ()>) -> Result<(), Error> {
    part.await;
    Ok(())
}

/// An engine, once Redis is there; `None` when told to stop before.
async fn engine(
    (redis_url, trust): (&str, &Trust),
    status: &Status,
    stop: &CancellationToken,
) -> Result<Option<Engine>, Error> {
    let config = engine_config(redis_url, &identity::who());
    let config = secured(config, trust)?;
    let engine = until_there(status, stop, || async {
        match Engine::connect(config.clone()).await {
            Err(ConnectError::Unreachable(why)) => Err(ConnectError::Unreachable(why).to_string()),
            settled => Ok(settled),
        }
    });
    Ok(engine.await.transpose()?)
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

/// Lets a configuration for `rediss://` trust whom `trust` does.
///
/// # Errors
/// TLS cannot be set up.
pub fn secured(config: EngineConfig, trust: &Trust) -> Result<EngineConfig, ConnectError> {
    if !config.redis_url.starts_with("rediss://") {
        return Ok(config);
    }
    let tls = trust.client_config();
    let tls = Some(tls.map_err(|error| ConnectError::Url(error.to_string()))?);
    Ok(EngineConfig { tls, ..config })
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
