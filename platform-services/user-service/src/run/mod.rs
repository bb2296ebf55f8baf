//! The process: the port from the beginning, then MariaDB and Kafka, however long they take.

mod config;
mod publisher;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contracts::EventType;
use service_kit::{
    backoff::Backoff,
    client::ClientConfigError,
    config::without_password,
    db::{self, DatabaseError, PoolSettings, ServiceName},
    http::{App, Settings},
    kafka::Kafka,
    metrics,
    shutdown::Stop,
    topics::{self, TopicSettings},
};
use sqlx::{MySqlPool, migrate::Migrator};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::config::{AdminConfig, Command, Config, Publish};
use self::publisher::Publisher;
use crate::{
    http::{OPENAPI, Service, routes},
    password::{HashError, HashMetrics, Passwords},
    store::Store,
};

/// The name in front of this service's tables.
pub const SERVICE: &str = "user";

/// The database where the URL names none.
pub const DATABASE: &str = "shop_user";

/// The tables of this service.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The first and the longest pause between two attempts to reach what is away.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// Why the service ended before it was told to.
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
    /// The database's URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The costs of a hash make no sense.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Kafka Connect's URL makes no sense.
    #[error("--connect-url: {0}")]
    Connect(#[from] ClientConfigError),
    /// The service's name cannot stand in front of a table.
    #[error(transparent)]
    Name(#[from] db::InvalidName),
    /// A part of the process ended that runs as long as it does.
    #[error("a background task ended: {0}")]
    Background(String),
}

/// Runs until `stop`. `ready` is told the address, which answers from then on.
///
/// # Errors
/// [`Error`] when it cannot start, or a part of it fails.
pub async fn run(config: Config, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let listen_error = |error| Error::Listen {
        address: config.listen,
        error,
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let service: ServiceName = SERVICE.parse()?;
    let mut registry = metrics::registry(SERVICE, env!("CARGO_PKG_VERSION"));
    let pool = db::pool(&config.database_url, DATABASE, PoolSettings::default())?;
    let passwords = Passwords::new(config.hash, HashMetrics::register(&mut registry))?;
    let kafka = Kafka::new(&config.kafka_brokers, "user-service");
    let publisher = Publisher::new(&config, &service, &pool, &kafka, &mut registry)?;
    let store = Store::new(pool.clone(), &service, publisher.waker());
    let migrated = Arc::new(AtomicBool::new(false));
    let app = App::new(registry)
        .check("mariadb", check(pool.clone(), Arc::clone(&migrated)))
        .auth(config.verifier.clone())
        .openapi(OPENAPI);
    ready(address);
    tracing::info!(mariadb = without_password(&config.database_url), "starting");
    // Goes on while requests under way end: they still write events.
    let background = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(create_topics(kafka, background.clone()));
    let working = background.clone();
    tasks.spawn(async move {
        if migrate(&config.database_url, &pool, &working).await? {
            migrated.store(true, Ordering::Release);
            publisher.run(working.clone()).await?;
        }
        working.cancelled().await;
        Ok(())
    });
    let routes = routes(Service { store, passwords });
    let mut serving = Box::pin(app.serve(listener, routes, Settings::default(), &stop));
    let served = tokio::select! {
        () = &mut serving => Ok(()),
        failed = first_failure(&mut tasks) => Err(failed),
    };
    drop(serving);
    background.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| Error::Background(error.to_string()))??;
    }
    served
}

/// Waits for a task that fails; those that end well are done.
async fn first_failure(tasks: &mut JoinSet<Result<(), Error>>) -> Error {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(error) => return Error::Background(error.to_string()),
        }
    }
    std::future::pending().await
}

fn check(
    pool: MySqlPool,
    migrated: Arc<AtomicBool>,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
    move || {
        let (pool, migrated) = (pool.clone(), Arc::clone(&migrated));
        Box::pin(async move {
            db::ping(&pool).await.map_err(|error| error.to_string())?;
            if migrated.load(Ordering::Acquire) {
                Ok(())
            } else {
                Err("the tables are not up to date yet".to_owned())
            }
        })
    }
}

/// Until the tables are up to date, or it is told to stop (then `false`).
async fn migrate(url: &str, pool: &MySqlPool, stop: &CancellationToken) -> Result<bool, Error> {
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    loop {
        let migrated = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            migrated = db::migrate(url, DATABASE, pool, &MIGRATIONS) => migrated,
        };
        match migrated {
            Ok(()) => return Ok(true),
            Err(error @ DatabaseError::Url(_)) => return Err(error.into()),
            Err(
                error @ (DatabaseError::Unreachable(_)
                | DatabaseError::Locked
                | DatabaseError::Migration(_)),
            ) => tracing::warn!(%error, "waiting for MariaDB"),
        }
        pause(&mut backoff, stop).await;
    }
}

/// Until the topics are there, or it is told to stop.
async fn create_topics(kafka: Kafka, stop: CancellationToken) -> Result<(), Error> {
    let types = [EventType::UserRegistered, EventType::UserLocked];
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    loop {
        let created = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            created = topics::create(&kafka, types, TopicSettings::default()) => created,
        };
        match created {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(%error, "waiting for Kafka"),
        }
        pause(&mut backoff, &stop).await;
    }
}

async fn pause(backoff: &mut Backoff, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(backoff.pause()) => {}
    }
}
