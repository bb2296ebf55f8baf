//! The process: HTTP from the beginning, the rest as soon as MariaDB is there. Kafka and neighbours
//! may be away for as long as they like.

use std::net::SocketAddr;

use contracts::EventType;
use service_kit::{
    audit,
    client::{Client, ClientConfigError, ClientSettings, Outbound, TokenSource},
    config::without_password,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, InvalidName, PoolSettings, ServiceName, Tables},
    http::{App, ListenError, Settings, listen},
    inbox::{self, Inbox},
    kafka::Kafka,
    metrics,
    outbox::Outbox,
    publisher::Publisher,
    relay::Waker,
    shutdown::Stop,
    topics,
};
use sqlx::MySqlPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
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

/// How long a transaction may wait for its next statement, in seconds.
const IDLE_TRANSACTION_SECONDS: u32 = 30;

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
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
            Self::Listen(_) | Self::Database(_) | Self::Name(_) | Self::Background(_) => 1,
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
    let outbound = Outbound::register(&mut registry, config.tls.trust.clone());
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
    let kafka =
        Kafka::new(&config.kafka_brokers, "order-service").secured(config.kafka_security.clone());
    let neighbours = neighbours(&config, &outbound)?;
    let publisher = Publisher::new(
        &config.publish,
        &service,
        &events_pool,
        (&kafka, config.topics),
        &outbound,
        &mut registry,
    )?;
    let saga = Saga::new(Outbox::new(&service), config.deadlines, order_metrics);
    let shop = Shop {
        pool: pool.clone(),
        saga: saga.clone(),
        neighbours,
        relay: publisher.waker(),
    };

    let (listener, address) = listen(config.listen).await?;
    tracing::info!(%address, mariadb = without_password(&config.database_url), "listening");
    let tables = Tables::new(&config.database_url, DATABASE, &pool, &MIGRATIONS);
    let app = App::new(registry)
        .check("mariadb", tables.check())
        .auth(config.verifier.clone())
        .tls(config.tls.server.clone())
        .openapi(http::OPENAPI);
    ready(address);

    let mut tasks = JoinSet::new();
    tasks.spawn(work(
        Work {
            service,
            tables,
            events_pool,
            kafka,
            consumer_metrics,
            waker: publisher.waker(),
            publisher,
            saga,
            shop: shop.clone(),
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

fn neighbours(config: &Config, outbound: &Outbound) -> Result<Neighbours, ClientConfigError> {
    let urls = &config.neighbours;
    let tokens = match &config.client_secret {
        None => TokenSource::none(),
        Some(secret) => TokenSource::client_credentials(
            &urls.auth,
            &config.client_id,
            secret.clone(),
            outbound,
        )?,
    };
    let client = |url: &str, neighbour| {
        let settings = ClientSettings {
            neighbour,
            ..config.calls
        };
        Client::new(url, settings, tokens.clone(), outbound)
    };
    Ok(Neighbours {
        catalog: client(&urls.catalog, "catalog")?,
        user: client(&urls.user, "user")?,
        inventory: client(&urls.inventory, "inventory")?,
    })
}

/// What runs behind HTTP.
struct Work {
    service: ServiceName,
    tables: Tables,
    events_pool: MySqlPool,
    kafka: Kafka,
    consumer_metrics: ConsumerMetrics,
    publisher: Publisher,
    waker: Waker,
    saga: Saga,
    shop: Shop,
    config: Config,
}

async fn work(work: Work, stop: CancellationToken) -> Result<(), Error> {
    if !work.tables.migrate(&stop).await? {
        return Ok(());
    }
    let mut tasks: JoinSet<Result<(), String>> = JoinSet::new();
    let publish_stop = stop.clone();
    tasks.spawn(async move {
        let published = work.publisher.run(publish_stop).await;
        published.map_err(|error| error.to_string())
    });
    let consume = {
        let (service, pool) = (work.service.clone(), work.events_pool.clone());
        let (saga, waker) = (work.saga, work.waker);
        let settings = ConsumerSettings {
            session_timeout: work.config.session,
            ..ConsumerSettings::new(work.config.consumer_group, CONSUMED.map(EventType::topic))
        };
        let (topics, stop) = (work.config.topics, stop.clone());
        async move {
            let types = PRODUCED.into_iter().chain(CONSUMED);
            topics::create_all(&work.kafka, types, topics, &stop).await;
            let make = || {
                Consumer::new(
                    work.kafka.clone(),
                    &service,
                    pool.clone(),
                    settings.clone(),
                    work.consumer_metrics.clone(),
                    OrderEvents::new(saga.clone(), waker.clone()),
                )
            };
            Consumer::keep(make, &stop).await;
            Ok(())
        }
    };
    tasks.spawn(consume);
    let (shop, period, watch_stop) = (work.shop, work.config.watchdog_period, stop.clone());
    tasks.spawn(async move {
        shop.watch(period, watch_stop).await;
        Ok(())
    });
    let (inbox, inbox_pool) = (Inbox::new(&work.service), work.events_pool.clone());
    let inbox_stop = stop.clone();
    tasks.spawn(async move {
        inbox.keep_small(inbox_pool, inbox::KEEP, inbox_stop).await;
        Ok(())
    });
    let (audit_pool, audit_stop) = (work.events_pool.clone(), stop.clone());
    tasks.spawn(async move {
        audit::keep_small(audit_pool, work.config.admin_audit_retention, audit_stop).await;
        Ok(())
    });
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(|error| Error::Background(error.to_string()))?;
        ended.map_err(Error::Background)?;
    }
    work.events_pool.close().await;
    Ok(())
}
