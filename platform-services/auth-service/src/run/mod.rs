//! The process: the port from the beginning, then MariaDB and Kafka, however long they take.

mod background;
mod config;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use access_token::{FetchError, JwksSource, Verifier, VerifierSettings};
use service_kit::{
    client::{Client, ClientConfigError, ClientSettings, Outbound},
    config::without_password,
    consumer::ConsumerMetrics,
    db::{self, DatabaseError, PoolSettings, ServiceName, Tables},
    http::{App, ListenError, Settings, listen},
    kafka::Kafka,
    metrics,
    shutdown::Stop,
    tasks::serve_beside,
};
use sqlx::migrate::Migrator;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use self::background::Background;
pub use self::config::{Command, Config, RotateConfig};
use crate::{
    attempts::{AttemptMetrics, Attempts},
    http::{OPENAPI, Service, routes},
    keys::{KeyMetrics, Keys, KeysError},
    store::Store,
    tokens::Tokens,
    users::Users,
};

/// The name in front of this service's tables.
pub const SERVICE: &str = "auth";

/// The database where the URL names none.
pub const DATABASE: &str = "shop_auth";

/// The tables of this service.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long user-service may take for a login: a password may wait for its turn there.
const USERS_TIMEOUT: Duration = Duration::from_secs(8);

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database's URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There are no signing keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Redis' URL makes no sense.
    #[error("--redis-url: {0}")]
    Redis(#[from] redis::RedisError),
    /// user-service's URL makes no sense.
    #[error("--user-url: {0}")]
    Users(#[from] ClientConfigError),
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
    let name: ServiceName = SERVICE.parse()?;
    let mut registry = metrics::registry(SERVICE, env!("CARGO_PKG_VERSION"));
    let pool = db::pool(&config.database_url, DATABASE, PoolSettings::default())?;
    let tables = Tables::new(&config.database_url, DATABASE, &pool, &MIGRATIONS);
    let keys = Keys::open(&config.keys_dir, config.key_publication)?;
    registry.register_collector(Box::new(KeyMetrics(keys.clone())));
    let tokens = Tokens::new(keys.clone(), config.issuer.clone(), config.audience.clone());
    let outbound = Outbound::register(&mut registry, config.tls.trust.clone());
    let users = users(&config, &tokens, &outbound)?;
    let failures = AttemptMetrics::register(&mut registry);
    let attempts = Attempts::new(
        (&config.redis_url, &config.tls.trust),
        config.attempts,
        failures,
    )?;
    let store = Store::new(pool.clone());
    let background = Background {
        pool,
        tables: tables.clone(),
        name,
        kafka: Kafka::new(&config.kafka_brokers, "auth-service")
            .secured(config.kafka_security.clone()),
        topics: config.topics,
        session: config.session,
        consumer: ConsumerMetrics::register(&mut registry),
        keys: keys.clone(),
        store: store.clone(),
    };
    let app = App::new(registry)
        .check("mariadb", tables.check())
        .auth(verifier(&config, &keys))
        .tls(config.tls.server.clone())
        .openapi(OPENAPI);
    ready(address);
    tracing::info!(
        mariadb = without_password(&config.database_url),
        redis = without_password(&config.redis_url),
        "starting"
    );
    let background_stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    background.spawn(&mut tasks, &background_stop);
    let routes = routes(Service {
        store,
        users,
        tokens,
        keys,
        attempts: Arc::new(attempts),
        clients: Arc::new(config.clients),
        trusted_proxies: config.trusted_proxies.into(),
    });
    let serving = app.serve(listener, routes, Settings::default(), &stop);
    serve_beside(tasks, &background_stop, serving).await
}

fn users(config: &Config, tokens: &Tokens, outbound: &Outbound) -> Result<Users, Error> {
    let settings = ClientSettings {
        attempt_timeout: USERS_TIMEOUT,
        timeout: USERS_TIMEOUT,
        ..ClientSettings::new("user")
    };
    let client = Client::new(&config.user_url, settings, tokens.ours(), outbound)?;
    Ok(Users::new(client))
}

/// Our own keys verify our own tokens.
fn verifier(config: &Config, keys: &Keys) -> Verifier {
    let keys = keys.clone();
    let source = JwksSource::custom("own keys", move || {
        let keys = keys.clone();
        async move { Ok::<_, FetchError>(keys.jwks()) }
    });
    let settings = VerifierSettings {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        ..VerifierSettings::default()
    };
    Verifier::new(source, settings)
}
