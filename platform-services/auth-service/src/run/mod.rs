//! The process: the port from the beginning, then MariaDB and Kafka, however long they take.

mod background;
mod config;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use access_token::{FetchError, JwksSource, Verifier, VerifierSettings};
use service_kit::{
    client::{Client, ClientConfigError, ClientMetrics, ClientSettings},
    config::without_password,
    consumer::ConsumerMetrics,
    db::{self, DatabaseError, PoolSettings, ServiceName},
    http::{App, Settings},
    kafka::Kafka,
    metrics,
    shutdown::Stop,
};
use sqlx::{MySqlPool, migrate::Migrator};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::background::Background;
pub use self::config::{Command, Config};
use crate::{
    attempts::{AttemptMetrics, Attempts},
    http::{OPENAPI, Service, routes},
    keys::{Keys, KeysError},
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
    let name: ServiceName = SERVICE.parse()?;
    let mut registry = metrics::registry(SERVICE, env!("CARGO_PKG_VERSION"));
    let pool = db::pool(&config.database_url, DATABASE, PoolSettings::default())?;
    let keys = Keys::open(&config.keys_dir, config.key_publication)?;
    let tokens = Tokens::new(keys.clone(), config.issuer.clone(), config.audience.clone());
    let users = users(&config, &tokens, &ClientMetrics::register(&mut registry))?;
    let failures = AttemptMetrics::register(&mut registry);
    let attempts = Attempts::new(&config.redis_url, config.attempts, failures)?;
    let store = Store::new(pool.clone());
    let migrated = Arc::new(AtomicBool::new(false));
    let background = Background {
        database_url: config.database_url.clone(),
        pool: pool.clone(),
        migrated: Arc::clone(&migrated),
        name,
        kafka: Kafka::new(&config.kafka_brokers, "auth-service"),
        consumer: ConsumerMetrics::register(&mut registry),
        keys: keys.clone(),
        store: store.clone(),
    };
    let app = App::new(registry)
        .check("mariadb", check(pool, migrated))
        .auth(verifier(&config, &keys))
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
    let mut serving = Box::pin(app.serve(listener, routes, Settings::default(), &stop));
    let served = tokio::select! {
        () = &mut serving => Ok(()),
        failed = first_failure(&mut tasks) => Err(failed),
    };
    drop(serving);
    background_stop.cancel();
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

fn users(config: &Config, tokens: &Tokens, metrics: &ClientMetrics) -> Result<Users, Error> {
    let settings = ClientSettings {
        attempt_timeout: USERS_TIMEOUT,
        timeout: USERS_TIMEOUT,
        ..ClientSettings::new("user")
    };
    let client = Client::new(&config.user_url, settings, tokens.ours(), metrics)?;
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
