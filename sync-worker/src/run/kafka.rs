//! The parts that need Kafka: publishing the outbox, doing what commands ask, and knowing whether
//! Kafka is there. Each runs for itself; none ever stops the projection.

use std::time::{Duration, Instant};

use contracts::{EventType, Producer};
use prometheus_client::registry::Registry;
use service_kit::{
    backoff::Backoff,
    client::{Client, ClientConfigError, ClientSettings, Outbound, TokenSource},
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    dlq::{self, DlqMetrics},
    janitor::{Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    relay::{Relay, RelayMetrics, RelaySettings, Waker},
    tls::Trust,
    topics::{self, TopicSettings},
};
use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

use super::config::Publish;
use crate::{
    commands::{self, CommandMetrics, Commands},
    limits::{BACKOFF, DRAIN, KAFKA_BACKOFF, KAFKA_PROBE_EVERY, KAFKA_PROBE_TIMEOUT},
    ops::Links,
    project::events,
};

/// What the parts on Kafka measure.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    outbox: OutboxKeeper,
    pub(super) commands: CommandMetrics,
    consumer: ConsumerMetrics,
    dlq: DlqMetrics,
}

/// Who sees to the outbox, and what they measure.
#[derive(Debug, Clone)]
enum OutboxKeeper {
    Relay(RelayMetrics),
    Janitor {
        connect_url: String,
        metrics: JanitorMetrics,
        outbound: Outbound,
    },
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry, publish: &Publish, trust: &Trust) -> Self {
        Self {
            outbox: match publish {
                Publish::Relay => OutboxKeeper::Relay(RelayMetrics::register(registry)),
                Publish::Debezium { connect_url } => OutboxKeeper::Janitor {
                    connect_url: connect_url.clone(),
                    metrics: JanitorMetrics::register(registry),
                    outbound: Outbound::register(registry, trust.clone()),
                },
            },
            commands: CommandMetrics::register(registry),
            consumer: ConsumerMetrics::register(registry),
            dlq: DlqMetrics::register(registry),
        }
    }
}

/// Whoever sees to the outbox in this process.
#[derive(Debug)]
pub(super) enum Publisher {
    Relay(Box<Outlet>, Box<Relay>),
    Janitor(Box<Janitor>),
}

/// What a relay is made of.
#[derive(Debug)]
pub(super) struct Outlet {
    pool: MySqlPool,
    kafka: Kafka,
    metrics: RelayMetrics,
}

impl Outlet {
    fn relay(&self) -> Relay {
        Relay::new(
            &events::service(),
            self.pool.clone(),
            self.kafka.clone(),
            RelaySettings::default(),
            self.metrics.clone(),
        )
    }
}

impl Publisher {
    /// # Errors
    /// A URL of Kafka Connect that makes no sense.
    pub(super) fn new(
        pool: MySqlPool,
        kafka: Kafka,
        metrics: &Metrics,
    ) -> Result<Self, ClientConfigError> {
        match &metrics.outbox {
            OutboxKeeper::Relay(metrics) => {
                let outlet = Outlet {
                    pool,
                    kafka,
                    metrics: metrics.clone(),
                };
                let relay = outlet.relay();
                Ok(Self::Relay(Box::new(outlet), Box::new(relay)))
            }
            OutboxKeeper::Janitor {
                connect_url,
                metrics,
                outbound,
            } => {
                let settings = ClientSettings::new("connect");
                let connect = Client::new(connect_url, settings, TokenSource::none(), outbound)?;
                let service = events::service();
                let settings = JanitorSettings::new(&service);
                let janitor = Janitor::new(&service, pool, connect, settings, metrics.clone());
                Ok(Self::Janitor(Box::new(janitor)))
            }
        }
    }

    /// For those who write to the outbox; without a relay there is nobody to wake.
    pub(super) fn waker(&self) -> Waker {
        match self {
            Self::Relay(_, relay) => relay.waker(),
            Self::Janitor(_) => Waker::default(),
        }
    }

    /// Sees to the outbox until `stop`. A relay that takes the place of one that ended is not woken
    /// by writers; it looks often enough.
    pub(super) async fn run(self, stop: CancellationToken) {
        let (outlet, first) = match self {
            Self::Relay(outlet, relay) => (outlet, *relay),
            Self::Janitor(janitor) => return janitor.run(stop).await,
        };
        let mut first = Some(first);
        keep("the relay", &stop, || {
            let relay = first.take().unwrap_or_else(|| outlet.relay());
            relay.run(stop.clone())
        })
        .await;
    }
}

/// Does what commands ask until `stop`.
pub(super) async fn command(
    commands: Commands,
    kafka: Kafka,
    session: Duration,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let topics = commands::TYPES.map(EventType::topic);
    // It reads only: it can be left at any time, and with Kafka away it would take its own.
    let counting = async {
        let names = topics.map(str::to_owned).to_vec();
        let watching = dlq::watch(kafka.clone(), names, metrics.dlq.clone(), stop.clone());
        tokio::select! {
            () = watching => {}
            () = stop.cancelled() => {}
        }
    };
    let pruning = commands.prune_until(stop.clone());
    let consuming = keep("the consumer of commands", &stop, || {
        let consumer = Consumer::free(
            kafka.clone(),
            ConsumerSettings {
                // A shard that was opened again is not kept waiting.
                retry_longest: BACKOFF.1,
                session_timeout: session,
                ..ConsumerSettings::new(commands::GROUP, topics)
            },
            metrics.consumer.clone(),
            commands.clone(),
        );
        consumer.run(stop.clone())
    });
    tokio::join!(counting, pruning, consuming);
}

/// Runs something that should not end, again and again until `stop`; then gives it [`DRAIN`].
async fn keep<E: std::fmt::Display, F: Future<Output = Result<(), E>>>(
    what: &str,
    stop: &CancellationToken,
    mut begin: impl FnMut() -> F,
) {
    let mut backoff = Backoff::new(KAFKA_BACKOFF.0, KAFKA_BACKOFF.1);
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let running = async {
        loop {
            let begun = Instant::now();
            match begin().await {
                Ok(()) => return,
                Err(error) => tracing::error!(what, %error, "ended; it is started again"),
            }
            if begun.elapsed() > KAFKA_BACKOFF.1 {
                backoff.reset();
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.pause()) => {}
            }
        }
    };
    tokio::select! {
        () = running => {}
        () = drained => tracing::warn!(what, "did not end in time and is abandoned"),
    }
}

/// Creates the topics of all that the worker says and hears, however long that takes.
pub(super) async fn create_topics(kafka: Kafka, settings: TopicSettings, stop: CancellationToken) {
    let ours = EventType::ALL.iter().copied();
    let ours = ours.filter(|event_type| event_type.producer() == Producer::Inventory);
    let types: Vec<EventType> = ours.chain(commands::TYPES).collect();
    let mut backoff = Backoff::new(KAFKA_BACKOFF.0, KAFKA_BACKOFF.1);
    loop {
        let created = tokio::select! {
            () = stop.cancelled() => return,
            created = topics::create(&kafka, types.iter().copied(), settings) => created,
        };
        match created {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "topics are tried again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

/// Keeps `links` told whether Kafka answers, until `stop`.
pub(super) async fn probe(kafka: Kafka, links: Links, stop: CancellationToken) {
    let client = match kafka.producer(Duration::from_secs(10)) {
        Ok(client) => client,
        Err(error) => return links.kafka(Err(error.to_string())),
    };
    while !stop.is_cancelled() {
        let (asking, asked) = (kafka.clone(), client.clone());
        let asking = tokio::task::spawn_blocking(move || asking.ask(&asked, KAFKA_PROBE_TIMEOUT));
        tokio::select! {
            () = stop.cancelled() => return,
            answer = asking => links.kafka(answer.unwrap_or_else(|error| Err(error.to_string()))),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(KAFKA_PROBE_EVERY) => {}
        }
    }
}
