//! The process: the port from the beginning, then MariaDB and Kafka, however long they take.

mod config;

use std::net::SocketAddr;

use contracts::EventType;
use service_kit::{
    audit,
    client::{ClientConfigError, Outbound},
    config::without_password,
    db::{self, DatabaseError, PoolSettings, ServiceName, Tables},
    http::{App, ListenError, Settings, listen},
    kafka::Kafka,
    metrics,
    publisher::Publisher,
    shutdown::Stop,
    tasks::serve_beside,
    topics,
};
use sqlx::migrate::Migrator;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::config::{AdminConfig, Command, Config};
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

/// What it says.
const PRODUCED: [EventType; 2] = [EventType::UserRegistered, EventType::UserLocked];

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
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

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Background(error.to_string())
    }
}

/// Runs until `stop`. `ready` is told the address, which answers from then on.
///
/// # Errors
/// [`Error`] when it cannot start, or a part of it fails.
pub async fn run(config: Config, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let (listener, address) = listen(config.listen).await?;
    let service: ServiceName = SERVICE.parse()?;
    let mut registry = metrics::registry(SERVICE, env!("CARGO_PKG_VERSION"));
    let pool = db::pool(&config.database_url, DATABASE, PoolSettings::default())?;
    let tables = Tables::new(&config.database_url, DATABASE, &pool, &MIGRATIONS);
    let passwords = Passwords::new(config.hash, HashMetrics::register(&mut registry))?;
    let kafka =
        Kafka::new(&config.kafka_brokers, "user-service").secured(config.kafka_security.clone());
    let publisher = Publisher::new(
        &config.publish,
        &service,
        &pool,
        (&kafka, config.topics),
        &Outbound::register(&mut registry, config.tls.trust.clone()),
        &mut registry,
    )?;
    let store = Store::new(pool.clone(), &service, publisher.waker());
    let app = App::new(registry)
        .check("mariadb", tables.check())
        .auth(config.verifier.clone())
        .tls(config.tls.server.clone())
        .openapi(OPENAPI);
    ready(address);
    tracing::info!(mariadb = without_password(&config.database_url), "starting");
    // Goes on while requests under way end: they still write events.
    let background = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (working, topics) = (background.clone(), config.topics);
    tasks.spawn(async move {
        topics::create_all(&kafka, PRODUCED, topics, &working).await;
        Ok(())
    });
    let working = background.clone();
    tasks.spawn(async move {
        if tables.migrate(&working).await? {
            let (retention, until) = (config.admin_audit_retention, working.clone());
            let pruning = async {
                audit::keep_small(pool, retention, until).await;
                Ok(())
            };
            let publishing = async {
                let published = publisher.run(working).await;
                published.map_err(|error| Error::Background(error.to_string()))
            };
            tokio::try_join!(publishing, pruning)?;
        }
        Ok(())
    });
    let routes = routes(Service { store, passwords });
    let serving = app.serve(listener, routes, Settings::default(), &stop);
    serve_beside(tasks, &background, serving).await
}
