//! The process: HTTP from the beginning, then the database, however long it takes, then everything that
//! works in the background.

use std::{net::SocketAddr, time::Duration};

use contracts::EventType;
use prometheus_client::registry::Registry;
use service_kit::{
    audit,
    client::{Client, ClientConfigError, ClientSettings, Outbound, TokenSource},
    config::without_password,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, InvalidName, PoolSettings, ServiceName, Tables},
    http::{App, ListenError, Settings, listen},
    inbox::{self, Inbox},
    kafka::Kafka,
    metrics as kit_metrics,
    outbox::Outbox,
    publisher::Publisher,
    shutdown::Stop,
    topics::{self, TopicSettings},
};
use sqlx::{MySqlPool, migrate::Migrator};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api,
    config::Config,
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

/// A connection for each partition of four topics, and some for the rest; more wait. A process that is
/// stopped inside a transaction does not keep its locks.
const POOL: PoolSettings = PoolSettings {
    connections_max: 32,
    acquire_timeout: Duration::from_secs(5),
    lock_wait_timeout_seconds: 5,
    idle_transaction_timeout_seconds: Some(30),
    statements_max: 256,
};

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
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

    let (listener, address) = listen(config.listen).await?;
    tracing::info!(
        mariadb = without_password(&config.database_url),
        kafka = config.kafka_brokers,
        toss = config.toss_url,
        "starting"
    );
    let tables = Tables::new(&config.database_url, DATABASE, &payments.pool, &MIGRATIONS);
    let app = App::new(registry)
        .openapi(api::OPENAPI)
        .auth(config.verifier.clone())
        .tls(config.tls.server.clone())
        .check("mariadb", tables.check());
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
        tables,
        parts,
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
    publisher: Publisher,
    listening: Listening,
    admin_audit_retention: Duration,
}

impl Parts {
    fn new(
        config: &Config,
        service: ServiceName,
        pool: MySqlPool,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let outbound = Outbound::register(registry, config.tls.trust.clone());
        let kafka =
            Kafka::new(config.kafka_brokers.clone(), NAME).secured(config.kafka_security.clone());
        let publisher = Publisher::new(
            &config.publish,
            &service,
            &pool,
            (&kafka, config.topics),
            &outbound,
            registry,
        )?;
        let tokens = match &config.client_secret {
            None => TokenSource::none(),
            Some(secret) => {
                TokenSource::client_credentials(&config.auth_url, NAME, secret.clone(), &outbound)?
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
                &outbound,
                TossMetrics::register(registry),
            )?,
            inventory: Client::new(
                &config.inventory_url,
                ClientSettings::new("inventory"),
                tokens,
                &outbound,
            )?,
            limits: config.limits,
            metrics: Metrics::register(registry),
            relay: publisher.waker(),
            look: Notify::new(),
            extend: Notify::new(),
            refund: Notify::new(),
            calls: TaskTracker::new(),
        });
        Ok(Self {
            payments,
            service,
            publisher,
            listening: Listening {
                kafka,
                topics: config.topics,
                settings: ConsumerSettings {
                    session_timeout: config.session,
                    ..ConsumerSettings::new(NAME, CONSUMED.map(EventType::topic))
                },
                metrics: ConsumerMetrics::register(registry),
            },
            admin_audit_retention: config.admin_audit_retention,
        })
    }
}

/// Works until `stop` drains; the publisher until `publish_stop`.
async fn background(tables: Tables, parts: Parts, stop: Stop, publish_stop: CancellationToken) {
    let drain = stop.drain;
    match tables.migrate(&drain).await {
        Ok(true) => {}
        Ok(false) => return,
        // The URL was looked at with the configuration.
        Err(error) => return tracing::error!(%error, "there are no tables to work on"),
    }
    let payments = parts.payments;
    let mut tasks = JoinSet::new();
    tasks.spawn(publish(parts.publisher, publish_stop));
    tasks.spawn(
        parts
            .listening
            .run(parts.service.clone(), payments.clone(), drain.clone()),
    );
    tasks.spawn(Inbox::new(&parts.service).keep_small(
        payments.pool.clone(),
        inbox::KEEP,
        drain.clone(),
    ));
    tasks.spawn(audit::keep_small(
        payments.pool.clone(),
        parts.admin_audit_retention,
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

async fn publish(publisher: Publisher, stop: CancellationToken) {
    if let Err(error) = publisher.run(stop).await {
        tracing::error!(%error, "the relay ended");
    }
}

/// What is needed to hear what others say.
struct Listening {
    kafka: Kafka,
    topics: TopicSettings,
    settings: ConsumerSettings,
    metrics: ConsumerMetrics,
}

impl Listening {
    async fn run(self, service: ServiceName, payments: Payments, stop: CancellationToken) {
        let types = CONSUMED.into_iter().chain(PRODUCED);
        topics::create_all(&self.kafka, types, self.topics, &stop).await;
        let make = || {
            Consumer::new(
                self.kafka.clone(),
                &service,
                payments.pool.clone(),
                self.settings.clone(),
                self.metrics.clone(),
                Listener(payments.clone()),
            )
        };
        Consumer::keep(make, &stop).await;
    }
}
