//! The process: the port at once, the tables as soon as `MariaDB` is there, then everything else.

use std::{net::SocketAddr, time::Duration};

use contracts::EventType;
use service_kit::{
    backoff::Backoff,
    client::{Client, ClientConfigError, ClientMetrics, ClientSettings, TokenSource},
    config::without_password,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, PoolSettings, ServiceName},
    http::{App, Settings},
    inbox::Inbox,
    janitor::{self, Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    metrics,
    outbox::Outbox,
    relay::{Relay, RelayMetrics, RelaySettings, Waker},
    shutdown::Stop,
    topics::{self, TopicSettings},
};
use sqlx::{MySqlPool, migrate::Migrator};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    availability::Availability,
    config::{Config, Publish},
    http::{Shop, routes},
    limits::BODY_BYTES_MAX,
    search::reindex::Reindex,
    stock_events::StockEvents,
};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The database where the URL names none.
const DATABASE: &str = "shop_catalog";

/// The consumer group.
const GROUP: &str = "catalog-service";

/// What it makes.
const PRODUCED: [EventType; 2] = [EventType::ProductSkuCreated, EventType::ProductChanged];

/// How long the inbox remembers: longer than any topic and its dead letters.
const INBOX_KEEP: Duration = Duration::from_secs(90 * 86_400);

/// How long a transaction may wait for its next statement before MariaDB ends it.
const IDLE_TRANSACTION_SECONDS: u32 = 30;

const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

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
    /// The URL makes no sense.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A neighbour cannot be called.
    #[error(transparent)]
    Client(#[from] ClientConfigError),
    /// A part ended that runs as long as the process does.
    #[error("a part of the service ended: {0}")]
    Part(String),
}

/// Runs until `stop`. `ready` is told the address, which answers from then on; `/readyz` says when
/// the tables are there.
///
/// # Errors
/// [`Error`] when it cannot start, or a part of it ends.
pub async fn run(config: Config, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let listen_error = |error| Error::Listen {
        address: config.listen,
        error,
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    // Requests and events do not wait for each other's connections.
    let settings = PoolSettings {
        connections_max: config.database_connections / 2,
        idle_transaction_timeout_seconds: Some(IDLE_TRANSACTION_SECONDS),
        ..PoolSettings::default()
    };
    let pool = db::pool(&config.database_url, DATABASE, settings)?;
    let events_pool = db::pool(&config.database_url, DATABASE, settings)?;
    let service: ServiceName = "catalog"
        .parse()
        .map_err(|error: db::InvalidName| Error::Part(error.to_string()))?;
    let kafka = Kafka::new(config.kafka_brokers.clone(), GROUP);
    let mut registry = metrics::registry("catalog", env!("CARGO_PKG_VERSION"));
    let client_metrics = ClientMetrics::register(&mut registry);
    let (publisher, waker) = match config.publish {
        Publish::Relay => {
            let relay = Relay::new(
                &service,
                events_pool.clone(),
                kafka.clone(),
                RelaySettings::default(),
                RelayMetrics::register(&mut registry),
            );
            let waker = relay.waker();
            (Publisher::Relay(Box::new(relay)), waker)
        }
        Publish::Debezium => {
            let janitor = Janitor::new(
                &service,
                events_pool.clone(),
                janitor::client(&config.connect_url, &client_metrics)?,
                JanitorSettings::new(&service),
                JanitorMetrics::register(&mut registry),
            );
            // There is no relay to wake.
            (Publisher::Janitor(Box::new(janitor)), Waker::default())
        }
    };
    let consumer = Consumer::new(
        kafka.clone(),
        &service,
        events_pool.clone(),
        ConsumerSettings::new(GROUP, StockEvents::TYPES.map(EventType::topic)),
        ConsumerMetrics::register(&mut registry),
        StockEvents,
    );
    let reindex = Reindex::default();
    let shop = Shop {
        pool: pool.clone(),
        outbox: Outbox::new(&service),
        relay: waker,
        reindex: reindex.clone(),
        availability: Availability::new(inventory(&config, &client_metrics)?),
    };
    let (migrated, tables) = watch::channel(false);
    let asked = pool.clone();
    let app = App::new(registry)
        .openapi(include_str!("../openapi.json"))
        .auth(config.verifier.clone())
        .check("mariadb", move || {
            let (pool, tables) = (asked.clone(), tables.clone());
            async move {
                db::ping(&pool).await.map_err(|error| error.to_string())?;
                let there = *tables.borrow();
                there
                    .then_some(())
                    .ok_or_else(|| "no tables yet".to_owned())
            }
        });
    let http = Settings {
        body_bytes_max: BODY_BYTES_MAX,
        ..Settings::default()
    };
    ready(address);
    tracing::info!(
        %address,
        mariadb = without_password(&config.database_url),
        kafka = config.kafka_brokers,
        inventory = config.inventory_url,
        "started"
    );
    let drain = stop.drain.clone();
    let background = async {
        if !migrate(&config.database_url, &pool, &drain).await? {
            return Ok(());
        }
        migrated.send_replace(true);
        let mut parts: JoinSet<Result<(), Error>> = JoinSet::new();
        let until = drain.clone();
        parts.spawn(async move {
            create_topics(&kafka, &until).await;
            consumer
                .run(until)
                .await
                .map_err(|error| Error::Part(error.to_string()))
        });
        let until = drain.clone();
        parts.spawn(publisher.run(until));
        let (until, at) = (drain.clone(), events_pool.clone());
        parts.spawn(async move {
            Inbox::new(&service).keep_small(at, INBOX_KEEP, until).await;
            Ok(())
        });
        let (until, at) = (drain.clone(), events_pool.clone());
        parts.spawn(async move {
            reindex.run(at, until).await;
            Ok(())
        });
        while let Some(ended) = parts.join_next().await {
            ended.map_err(|error| Error::Part(error.to_string()))??;
            if !drain.is_cancelled() {
                return Err(Error::Part("a background task".to_owned()));
            }
        }
        Ok(())
    };
    let serving = app.serve(listener, routes(shop), http, &stop);
    tokio::pin!(background, serving);
    tokio::select! {
        () = &mut serving => background.await,
        ended = &mut background => {
            if ended.is_err() {
                stop.drain.cancel();
            }
            serving.await;
            ended
        }
    }
}

/// Who sees to the outbox.
enum Publisher {
    Relay(Box<Relay>),
    Janitor(Box<Janitor>),
}

impl Publisher {
    async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        match self {
            Self::Relay(relay) => relay
                .run(stop)
                .await
                .map_err(|error| Error::Part(error.to_string())),
            Self::Janitor(janitor) => {
                janitor.run(stop).await;
                Ok(())
            }
        }
    }
}

/// One short attempt and a breaker: whoever looks at products does not wait for the stock. Reading
/// stock needs no token.
fn inventory(config: &Config, metrics: &ClientMetrics) -> Result<Client, ClientConfigError> {
    let settings = ClientSettings {
        connect_timeout: config.inventory_timeout,
        attempt_timeout: config.inventory_timeout,
        timeout: config.inventory_timeout,
        retries: 0,
        ..ClientSettings::new("inventory")
    };
    Client::new(
        &config.inventory_url,
        settings,
        TokenSource::none(),
        metrics,
    )
}

/// Until it worked, or until told to stop (then false). A schema that cannot be migrated is no
/// reason to go on, and none to wait.
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
            ) => tracing::warn!(%error, "waiting for the tables"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

async fn create_topics(kafka: &Kafka, stop: &CancellationToken) {
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    loop {
        let types = PRODUCED.into_iter().chain(StockEvents::TYPES);
        let created = tokio::select! {
            () = stop.cancelled() => return,
            created = topics::create(kafka, types, TopicSettings::default()) => created,
        };
        match created {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "waiting for Kafka"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}
