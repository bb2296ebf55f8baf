//! The process: HTTP from the beginning, then the database, however long it takes, then everything that
//! works in the background.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus_client::registry::Registry;
use service_kit::{
    backoff::Backoff,
    client::{Client, ClientConfigError, ClientMetrics, ClientSettings, TokenSource},
    config::without_password,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, InvalidName, PoolSettings, ServiceName},
    http::{App, Settings},
    inbox::Inbox,
    janitor::{Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    metrics as kit_metrics,
    outbox::Outbox,
    relay::{Relay, RelayMetrics, RelaySettings},
    shutdown::Stop,
    topics::{self, TopicSettings},
};
use sqlx::{MySqlPool, migrate::Migrator};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api,
    config::{Config, Publish},
    events::{CONSUMED, Listener, PRODUCED},
    gauges, hold, look,
    metrics::Metrics,
    payments::{Inner, Payments},
    refund,
    store::Due,
    sweep,
    toss::{Toss, TossMetrics},
    work,
};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The database where the URL names none.
pub(crate) const DATABASE: &str = "shop_payment";

/// In front of tables and metrics.
const SERVICE: &str = "payment";

/// The consumer group, the client id at Kafka, and the name at auth-service.
const NAME: &str = "payment-service";

/// Longer than any topic or dead letter is kept.
const INBOX_KEEP: Duration = Duration::from_secs(90 * 86_400);

/// A connection for each partition of four topics, and some for the rest; more wait. A process that is
/// stopped inside a transaction does not keep its locks.
const POOL: PoolSettings = PoolSettings {
    connections_max: 32,
    acquire_timeout: Duration::from_secs(5),
    lock_wait_timeout_seconds: 5,
    idle_transaction_timeout_seconds: Some(30),
    statements_max: 256,
};

const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// A URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A client cannot be built.
    #[error(transparent)]
    Client(#[from] ClientConfigError),
    /// The name of the service is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

/// Runs until `stop`. `ready` is told the address, which answers from then on.
///
/// # Errors
/// [`Error`] when it cannot start.
pub async fn run(config: Config, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let service: ServiceName = SERVICE.parse()?;
    let pool = db::pool(&config.database_url, DATABASE, POOL)?;
    let mut registry = kit_metrics::registry(SERVICE, env!("CARGO_PKG_VERSION"));
    let parts = Parts::new(&config, service, pool.clone(), &mut registry)?;
    let payments = parts.payments.clone();

    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| Error::Listen(config.listen, error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Error::Listen(config.listen, error))?;
    tracing::info!(
        mariadb = without_password(&config.database_url),
        kafka = config.kafka_brokers,
        toss = config.toss_url,
        "starting"
    );
    let migrated = Arc::new(AtomicBool::new(false));
    let is_migrated = Arc::clone(&migrated);
    let app = App::new(registry)
        .openapi(api::OPENAPI)
        .auth(config.verifier.clone())
        .check("mariadb", move || {
            let (pool, is_migrated) = (pool.clone(), is_migrated.load(Ordering::Relaxed));
            async move {
                db::ping(&pool).await.map_err(|error| error.to_string())?;
                is_migrated
                    .then_some(())
                    .ok_or_else(|| "the tables are being migrated".to_owned())
            }
        });
    let settings = Settings {
        // A cancel looks first, and then asks.
        request_timeout: payments.limits.lease(),
        drain_timeout: payments.limits.lease(),
        ..Settings::default()
    };
    ready(address);

    // Requests that are drained still say things, which are published.
    let publish_stop = CancellationToken::new();
    let background = tokio::spawn(background(
        config,
        parts,
        migrated,
        stop.clone(),
        publish_stop.clone(),
    ));
    app.serve(listener, api::routes(payments.clone()), settings, &stop)
        .await;
    payments.calls.close();
    tokio::select! {
        () = payments.calls.wait() => {}
        () = stop.now.cancelled() => {}
    }
    publish_stop.cancel();
    tokio::select! {
        ended = background => {
            if let Err(error) = ended {
                tracing::error!(%error, "background work failed");
            }
        }
        () = stop.now.cancelled() => {}
    }
    Ok(())
}

/// Everything that is built before anything runs.
struct Parts {
    payments: Payments,
    service: ServiceName,
    kafka: Kafka,
    publisher: Publisher,
    consumer: ConsumerMetrics,
}

enum Publisher {
    Relay(Box<Relay>),
    Janitor(Box<Janitor>),
}

impl Parts {
    fn new(
        config: &Config,
        service: ServiceName,
        pool: MySqlPool,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let clients = ClientMetrics::register(registry);
        let kafka = Kafka::new(config.kafka_brokers.clone(), NAME);
        let publisher = match config.publish {
            Publish::Relay => Publisher::Relay(Box::new(Relay::new(
                &service,
                pool.clone(),
                kafka.clone(),
                RelaySettings::default(),
                RelayMetrics::register(registry),
            ))),
            Publish::Debezium => {
                let connect = Client::new(
                    &config.connect_url,
                    ClientSettings::new("connect"),
                    TokenSource::none(),
                    &clients,
                )?;
                Publisher::Janitor(Box::new(Janitor::new(
                    &service,
                    pool.clone(),
                    connect,
                    JanitorSettings::new(&service),
                    JanitorMetrics::register(registry),
                )))
            }
        };
        let tokens = match &config.client_secret {
            None => TokenSource::none(),
            Some(secret) => {
                TokenSource::client_credentials(&config.auth_url, NAME, secret.clone(), &clients)?
            }
        };
        let payments = Payments::new(Inner {
            pool,
            outbox: Outbox::new(&service),
            toss: Toss::new(
                &config.toss_url,
                &config.toss_secret_key,
                config.limits.gateway_timeout,
                config.limits.gateway_failures,
                &clients,
                TossMetrics::register(registry),
            )?,
            inventory: Client::new(
                &config.inventory_url,
                ClientSettings::new("inventory"),
                tokens,
                &clients,
            )?,
            limits: config.limits,
            metrics: Metrics::register(registry),
            relay: match &publisher {
                Publisher::Relay(relay) => Some(relay.waker()),
                Publisher::Janitor(_) => None,
            },
            look: Notify::new(),
            extend: Notify::new(),
            refund: Notify::new(),
            calls: TaskTracker::new(),
        });
        Ok(Self {
            payments,
            service,
            kafka,
            publisher,
            consumer: ConsumerMetrics::register(registry),
        })
    }
}

/// Works until `stop` drains; the publisher until `publish_stop`.
async fn background(
    config: Config,
    parts: Parts,
    migrated: Arc<AtomicBool>,
    stop: Stop,
    publish_stop: CancellationToken,
) {
    let drain = stop.drain;
    if !migrate(&config.database_url, &parts.payments.pool, &drain).await {
        return;
    }
    migrated.store(true, Ordering::Relaxed);
    let payments = parts.payments;
    let mut tasks = JoinSet::new();
    tasks.spawn(create_topics(parts.kafka.clone(), drain.clone()));
    tasks.spawn(publish(parts.publisher, publish_stop));
    tasks.spawn(consume(
        parts.kafka,
        parts.service.clone(),
        payments.clone(),
        parts.consumer,
        drain.clone(),
    ));
    tasks.spawn(Inbox::new(&parts.service).keep_small(
        payments.pool.clone(),
        INBOX_KEEP,
        drain.clone(),
    ));
    tasks.spawn(work::run(
        payments.clone(),
        Due::Look,
        |payments| &payments.look,
        look::look,
        drain.clone(),
    ));
    tasks.spawn(work::run(
        payments.clone(),
        Due::Extend,
        |payments| &payments.extend,
        hold::extend,
        drain.clone(),
    ));
    tasks.spawn(work::run(
        payments.clone(),
        Due::Refund,
        |payments| &payments.refund,
        refund::refund,
        drain.clone(),
    ));
    tasks.spawn(sweep::keep(payments.clone(), drain.clone()));
    tasks.spawn(gauges::keep(payments, drain));
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a background task failed");
        }
    }
}

/// Whether the tables are there; not when it was told to stop before.
async fn migrate(url: &str, pool: &MySqlPool, stop: &CancellationToken) -> bool {
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    loop {
        let migrating = db::migrate(url, DATABASE, pool, &MIGRATIONS);
        let error = tokio::select! {
            () = stop.cancelled() => return false,
            done = migrating => match done {
                Ok(()) => return true,
                Err(error) => error,
            },
        };
        tracing::warn!(%error, "waiting for the database");
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

async fn create_topics(kafka: Kafka, stop: CancellationToken) {
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    let settings = TopicSettings::default();
    loop {
        let types = CONSUMED.into_iter().chain(PRODUCED);
        let created = tokio::select! {
            () = stop.cancelled() => return,
            created = topics::create(&kafka, types, settings) => created,
        };
        let Err(error) = created else {
            return;
        };
        tracing::warn!(%error, "waiting for Kafka");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

async fn publish(publisher: Publisher, stop: CancellationToken) {
    match publisher {
        Publisher::Relay(relay) => {
            if let Err(error) = relay.run(stop).await {
                tracing::error!(%error, "the relay ended");
            }
        }
        Publisher::Janitor(janitor) => janitor.run(stop).await,
    }
}

async fn consume(
    kafka: Kafka,
    service: ServiceName,
    payments: Payments,
    metrics: ConsumerMetrics,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    while !stop.is_cancelled() {
        let consumer = Consumer::new(
            kafka.clone(),
            &service,
            payments.pool.clone(),
            ConsumerSettings::new(NAME, CONSUMED.map(contracts::EventType::topic)),
            metrics.clone(),
            Listener(payments.clone()),
        );
        let Err(error) = consumer.run(stop.clone()).await else {
            return;
        };
        tracing::error!(%error, "the consumer ended; another follows");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}
