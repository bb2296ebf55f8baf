//! The process: the port at once, the tables as soon as `MariaDB` is there, then everything else.

use std::net::SocketAddr;

use contracts::EventType;
use service_kit::{
    audit,
    client::{Client, ClientConfigError, ClientSettings, Outbound, TokenSource},
    config::without_password,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, PoolSettings, ServiceName, Tables},
    http::{App, ListenError, Settings, listen},
    inbox::{self, Inbox},
    kafka::Kafka,
    metrics,
    outbox::Outbox,
    publisher::Publisher,
    shutdown::Stop,
    topics,
};
use sqlx::migrate::Migrator;
use tokio::task::JoinSet;

use crate::{
    availability::Availability,
    config::Config,
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

/// How long a transaction may wait for its next statement before MariaDB ends it.
const IDLE_TRANSACTION_SECONDS: u32 = 30;

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
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
    let (listener, address) = listen(config.listen).await?;
    // Requests and events do not wait for each other's connections.
    let settings = PoolSettings {
        connections_max: config.database_connections / 2,
        idle_transaction_timeout_seconds: Some(IDLE_TRANSACTION_SECONDS),
        ..PoolSettings::default()
    };
    let pool = db::pool(&config.database_url, DATABASE, settings)?;
    let events_pool = db::pool(&config.database_url, DATABASE, settings)?;
    let tables = Tables::new(&config.database_url, DATABASE, &pool, &MIGRATIONS);
    let service: ServiceName = "catalog"
        .parse()
        .map_err(|error: db::InvalidName| Error::Part(error.to_string()))?;
    let kafka =
        Kafka::new(config.kafka_brokers.clone(), GROUP).secured(config.kafka_security.clone());
    let mut registry = metrics::registry("catalog", env!("CARGO_PKG_VERSION"));
    let outbound = Outbound::register(&mut registry, config.tls.trust.clone());
    let publisher = Publisher::new(
        &config.publish,
        &service,
        &events_pool,
        (&kafka, config.topics),
        &outbound,
        &mut registry,
    )?;
    let consumed = ConsumerMetrics::register(&mut registry);
    let reindex = Reindex::default();
    let shop = Shop {
        pool,
        outbox: Outbox::new(&service),
        relay: publisher.waker(),
        reindex: reindex.clone(),
        availability: Availability::new(inventory(&config, &outbound)?),
    };
    let app = App::new(registry)
        .openapi(include_str!("../openapi.json"))
        .auth(config.verifier.clone())
        .tls(config.tls.server.clone())
        .check("mariadb", tables.check());
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
        if !tables.migrate(&drain).await? {
            return Ok(());
        }
        let mut parts: JoinSet<Result<(), Error>> = JoinSet::new();
        let (until, at, name) = (drain.clone(), events_pool.clone(), service.clone());
        parts.spawn(async move {
            let types = PRODUCED.into_iter().chain(StockEvents::TYPES);
            topics::create_all(&kafka, types, config.topics, &until).await;
            let settings = ConsumerSettings {
                session_timeout: config.session,
                ..ConsumerSettings::new(GROUP, StockEvents::TYPES.map(EventType::topic))
            };
            let make = || {
                Consumer::new(
                    kafka.clone(),
                    &name,
                    at.clone(),
                    settings.clone(),
                    consumed.clone(),
                    StockEvents,
                )
            };
            Consumer::keep(make, &until).await;
            Ok(())
        });
        let until = drain.clone();
        parts.spawn(async move {
            let published = publisher.run(until).await;
            published.map_err(|error| Error::Part(error.to_string()))
        });
        let (until, at) = (drain.clone(), events_pool.clone());
        parts.spawn(async move {
            Inbox::new(&service)
                .keep_small(at, inbox::KEEP, until)
                .await;
            Ok(())
        });
        let (until, at) = (drain.clone(), events_pool.clone());
        parts.spawn(async move {
            audit::keep_small(at, config.admin_audit_retention, until).await;
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

/// One short attempt and a breaker: whoever looks at products does not wait for the stock. Reading
/// stock needs no token.
fn inventory(config: &Config, outbound: &Outbound) -> Result<Client, ClientConfigError> {
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
        outbound,
    )
}
