//! The process: HTTP from the beginning, the rest as soon as MariaDB is there. Kafka and neighbours
//! may be away for as long as they like.

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
    client::{Client, ClientConfigError, ClientMetrics, ClientSettings, TokenSource},
    config::without_password,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, InvalidName, PoolSettings, ServiceName},
    http::{App, Settings},
    inbox::Inbox,
    janitor::{Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    metrics,
    outbox::Outbox,
    relay::{Relay, RelayMetrics, RelaySettings, Waker},
    shutdown::Stop,
    topics,
};
use sqlx::MySqlPool;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Publish},
    http,
    metrics::OrderMetrics,
    neighbours::Neighbours,
    saga::{CONSUMED, OrderEvents, Saga},
    shop::Shop,
    tables::MIGRATIONS,
};

/// The name of the service, in front of its tables.
const SERVICE: &str = "order";
/// Its database, where the URL names none.
const DATABASE: &str = "shop_order";
/// What it says.
const PRODUCED: [EventType; 4] = [
    EventType::OrderPlaced,
    EventType::OrderConfirmed,
    EventType::OrderCancelled,
    EventType::OrderRefundRequested,
];

const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// How long handled events are remembered: longer than any dead letter may be replayed.
const INBOX_KEEP: Duration = Duration::from_secs(90 * 86_400);

/// How long a transaction may wait for its next statement, in seconds.
const IDLE_TRANSACTION_SECONDS: u32 = 30;

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
    /// A URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A neighbour's URL makes no sense.
    #[error(transparent)]
    Client(#[from] ClientConfigError),
    /// The service's name cannot stand in a statement.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A part of the process ended that runs as long as it does.
    #[error("a background task ended: {0}")]
    Background(String),
}

impl Error {
    /// What the process exits with: 64 where the configuration must change, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Database(DatabaseError::Url(_)) | Self::Client(_) => 64,
            Self::Listen { .. } | Self::Database(_) | Self::Name(_) | Self::Background(_) => 1,
        }
    }
}

/// Runs until `stop`. `ready` is told the address, which answers from then on.
///
/// # Errors
/// [`Error`] when it cannot start, or a part of it fails.
pub async fn run(config: Config, stop: &Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let service: ServiceName = SERVICE.parse()?;
    let mut registry = metrics::registry(SERVICE, env!("CARGO_PKG_VERSION"));
    let client_metrics = ClientMetrics::register(&mut registry);
    let consumer_metrics = ConsumerMetrics::register(&mut registry);
    let order_metrics = OrderMetrics::register(&mut registry);

    // Requests and events do not wait for each other's connections.
    let settings = PoolSettings {
        connections_max: config.database_connections / 2,
        idle_transaction_timeout_seconds: Some(IDLE_TRANSACTION_SECONDS),
        ..PoolSettings::default()
    };
    let pool = db::pool(&config.database_url, DATABASE, settings)?;
    let events_pool = db::pool(&config.database_url, DATABASE, settings)?;
    let kafka = Kafka::new(&config.kafka_brokers, "order-service");
    let neighbours = neighbours(&config, &client_metrics)?;
    let (publisher, waker) = match config.publish {
        Publish::Relay => {
            let metrics = RelayMetrics::register(&mut registry);
            let settings = RelaySettings::default();
            let pool = events_pool.clone();
            let relay = Relay::new(&service, pool, kafka.clone(), settings, metrics);
            let waker = relay.waker();
            (Publisher::Relay(Box::new(relay)), waker)
        }
        Publish::Debezium => {
            let metrics = JanitorMetrics::register(&mut registry);
            let settings = ClientSettings::new("connect");
            let url = &config.connect_url;
            let connect = Client::new(url, settings, TokenSource::none(), &client_metrics)?;
            let settings = JanitorSettings::new(&service);
            let pool = events_pool.clone();
            let janitor = Janitor::new(&service, pool, connect, settings, metrics);
            // There is no relay to wake.
            (Publisher::Janitor(Box::new(janitor)), Waker::default())
        }
    };
    let saga = Saga::new(Outbox::new(&service), config.deadlines, order_metrics);
    let shop = Shop {
        pool: pool.clone(),
        saga: saga.clone(),
        neighbours,
        relay: waker.clone(),
    };

    let address = config.listen;
    let listen_error = |error| Error::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    tracing::info!(%address, mariadb = without_password(&config.database_url), "listening");
    let migrated = Arc::new(AtomicBool::new(false));
    let app = App::new(registry)
        .check("mariadb", {
            let (pool, migrated) = (pool.clone(), Arc::clone(&migrated));
            move || reachable(pool.clone(), Arc::clone(&migrated))
        })
        .auth(config.verifier.clone())
        .openapi(http::OPENAPI);
    ready(address);

    let mut tasks = JoinSet::new();
    tasks.spawn(work(
        Work {
            service,
            pool: pool.clone(),
            events_pool,
            kafka,
            consumer_metrics,
            publisher,
            waker,
            saga,
            shop: shop.clone(),
            migrated,
            config,
        },
        stop.drain.clone(),
    ));
    let serving = app.serve(listener, http::routes(shop), Settings::default(), stop);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        ended = tasks.join_next() => {
            outcome(ended)?;
            // Told to stop, and done before the last request.
            serving.await;
        }
    }
    while let Some(ended) = tasks.join_next().await {
        outcome(Some(ended))?;
    }
    pool.close().await;
    Ok(())
}

fn outcome(ended: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match ended {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(error),
        Some(Err(error)) => Err(Error::Background(error.to_string())),
    }
}

async fn reachable(pool: MySqlPool, migrated: Arc<AtomicBool>) -> Result<(), String> {
    if !migrated.load(Ordering::Acquire) {
        return Err("the tables are not there yet".to_owned());
    }
    db::ping(&pool).await.map_err(|error| error.to_string())
}

fn neighbours(config: &Config, metrics: &ClientMetrics) -> Result<Neighbours, ClientConfigError> {
    let urls = &config.neighbours;
    let tokens = match &config.client_secret {
        None => TokenSource::none(),
        Some(secret) => {
            TokenSource::client_credentials(&urls.auth, &config.client_id, secret.clone(), metrics)?
        }
    };
    let client =
        |url: &str, name| Client::new(url, ClientSettings::new(name), tokens.clone(), metrics);
    Ok(Neighbours {
        catalog: client(&urls.catalog, "catalog")?,
        user: client(&urls.user, "user")?,
        inventory: client(&urls.inventory, "inventory")?,
    })
}

/// Who sees to the outbox.
enum Publisher {
    Relay(Box<Relay>),
    Janitor(Box<Janitor>),
}

/// What runs behind HTTP.
struct Work {
    service: ServiceName,
    pool: MySqlPool,
    events_pool: MySqlPool,
    kafka: Kafka,
    consumer_metrics: ConsumerMetrics,
    publisher: Publisher,
    waker: Waker,
    saga: Saga,
    shop: Shop,
    migrated: Arc<AtomicBool>,
    config: Config,
}

async fn work(work: Work, stop: CancellationToken) -> Result<(), Error> {
    let url = &work.config.database_url;
    let there = until_done(&stop, "MariaDB", || async {
        let migrating = db::migrate(url, DATABASE, &work.pool, &MIGRATIONS);
        // Another process may migrate for minutes; nobody waits for that to stop this one.
        let migrated = tokio::select! {
            migrated = migrating => migrated,
            () = stop.cancelled() => return Err("told to stop".to_owned()),
        };
        match migrated {
            Ok(()) => Ok(Ok(())),
            Err(error @ DatabaseError::Url(_)) => Ok(Err(error)),
            Err(error) => Err(error.to_string()),
        }
    });
    let Some(migrated) = there.await else {
        return Ok(());
    };
    migrated?;
    work.migrated.store(true, Ordering::Release);
    tracing::info!("MariaDB is there");

    let mut tasks: JoinSet<Result<(), String>> = JoinSet::new();
    {
        let (kafka, settings, stop) = (work.kafka.clone(), work.config.topics, stop.clone());
        tasks.spawn(async move {
            let types = || PRODUCED.into_iter().chain(CONSUMED);
            until_done(&stop, "Kafka", || async {
                let created = topics::create(&kafka, types(), settings).await;
                created.map_err(|error| error.to_string())
            })
            .await;
            Ok(())
        });
    }
    let publish_stop = stop.clone();
    match work.publisher {
        Publisher::Relay(relay) => {
            tasks.spawn(async move {
                let ran = relay.run(publish_stop).await;
                ran.map_err(|error| error.to_string())
            });
        }
        Publisher::Janitor(janitor) => {
            tasks.spawn(async move {
                janitor.run(publish_stop).await;
                Ok(())
            });
        }
    }
    tasks.spawn({
        let consume = Consume {
            kafka: work.kafka,
            service: work.service.clone(),
            group: work.config.consumer_group,
            pool: work.events_pool.clone(),
            metrics: work.consumer_metrics,
            saga: work.saga,
            waker: work.waker,
        };
        let stop = stop.clone();
        async move {
            consume.run(&stop).await;
            Ok(())
        }
    });
    let (shop, period, watch_stop) = (work.shop, work.config.watchdog_period, stop.clone());
    tasks.spawn(async move {
        shop.watch(period, watch_stop).await;
        Ok(())
    });
    let (inbox, inbox_pool) = (Inbox::new(&work.service), work.events_pool.clone());
    let inbox_stop = stop.clone();
    tasks.spawn(async move {
        inbox.keep_small(inbox_pool, INBOX_KEEP, inbox_stop).await;
        Ok(())
    });
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(|error| Error::Background(error.to_string()))?;
        ended.map_err(Error::Background)?;
    }
    work.events_pool.close().await;
    Ok(())
}

/// A consumer, and a new one when Kafka will have it no more.
struct Consume {
    kafka: Kafka,
    service: ServiceName,
    group: String,
    pool: MySqlPool,
    metrics: ConsumerMetrics,
    saga: Saga,
    waker: Waker,
}

impl Consume {
    async fn run(&self, stop: &CancellationToken) {
        until_done(stop, "the consumer", || async {
            let topics = CONSUMED.map(EventType::topic);
            let consumer = Consumer::new(
                self.kafka.clone(),
                &self.service,
                self.pool.clone(),
                ConsumerSettings::new(&self.group, topics),
                self.metrics.clone(),
                OrderEvents::new(self.saga.clone(), self.waker.clone()),
            );
            let ended = consumer.run(stop.clone()).await;
            ended.map_err(|error| error.to_string())
        })
        .await;
    }
}

/// Tries until it is done, or until it is told to stop (then `None`). Says what it waits for.
async fn until_done<T, F: Future<Output = Result<T, String>>>(
    stop: &CancellationToken,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Option<T> {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
    let mut said = String::new();
    loop {
        // Not cancelled from here: what is tried sees to its end by itself.
        let why = match attempt().await {
            Ok(done) => return Some(done),
            Err(why) => why,
        };
        if why != said {
            tracing::warn!(why, "waiting for {what}");
            said = why;
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}
