//! Publishes an outbox, in order for each key, by as many replicas as there are.
//!
//! # What keeps the order
//! 1. Ids of one key are in the order of the commits (see [`crate::outbox`]).
//! 2. A replica reads the rows of a slot from the lowest id that is left, every time. Where Kafka did
//!    not take a row, it passes over all rows of that topic, and tries the first ones by themselves until
//!    Kafka takes them: one topic that is broken holds up no other.
//! 3. It sends a row only after Kafka has acknowledged the row of the same topic and key before it.
//! 4. It deletes a row only after Kafka has acknowledged it.
//!
//! So when a row gets onto Kafka for the first time, all rows of its key before it are there,
//! whatever other replicas do at the same time: those that were still in the table when this
//! replica read were acknowledged to it (3), the others to whoever deleted them (4).
//!
//! # What the leases are for
//! They keep replicas from publishing the same row twice, and share the work. A lease is a row of
//! `<service>_outbox_slot`, taken and renewed by single statements, so that a replica that is
//! stopped between two of them holds no lock. A message is sent only while its lease outlasts the
//! time after which librdkafka gives it up (`message_timeout`), so what a stopped replica had queued
//! is dropped when it wakes, in all but the case that it is stopped between the last look at the
//! lease and the write to the socket. Then Kafka gets a *repeat*, possibly after newer events of its
//! key: consumers know it by its id. A first occurrence is never out of order.

mod held;
mod lease;
mod metrics;
mod publish;
mod rows;

use std::{sync::Arc, time::Duration};

use rdkafka::{error::KafkaError, producer::Producer as _};
use sqlx::MySqlPool;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::metrics::RelayMetrics;
use self::{
    held::{Held, Trial},
    lease::Leases,
    publish::Published,
    rows::Rows,
};
use crate::{
    backoff::Backoff,
    db::ServiceName,
    ids,
    kafka::{Kafka, Producer},
    outbox::SLOTS,
    topics::TopicSettings,
};

/// How a relay behaves.
#[derive(Debug, Clone, Copy)]
pub struct RelaySettings {
    /// For how long a replica has its slots without renewing them; after that others take them.
    pub lease: Duration,
    /// How long nothing is looked for after nothing was found, unless [`Waker::wake`] is called.
    pub poll: Duration,
    /// Rows of a slot that are read at once, at most.
    pub slot_rows_max: u32,
    /// Bytes of payload that are read at once, about.
    pub batch_bytes: usize,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            poll: Duration::from_millis(25),
            slot_rows_max: 256,
            batch_bytes: 8 << 20,
        }
    }
}

impl RelaySettings {
    /// When a message is given up: a third of the lease.
    #[must_use]
    pub fn message_timeout(&self) -> Duration {
        self.lease / 3
    }

    /// What is left of a lease when the last message may be sent, so that it is given up before
    /// another replica has the slot.
    fn reserve(&self) -> Duration {
        self.message_timeout() + self.lease / 10
    }
}

/// How often the age of the oldest row is looked up.
const LAG_PERIOD: Duration = Duration::from_secs(1);

/// While a topic is held, the relay looks for rows of the others at most for one part of its time in so
/// many: it has to pass over the rows of the one, and they may be many.
const HELD_LOOK_SHARE: u32 = 5;

const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// How long a relay that ends tries to give its slots back; else they run out.
const GIVE_BACK_TIMEOUT: Duration = Duration::from_secs(1);

/// Tells a relay of this process that there are rows, so that it does not wait for its next look.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Call it after a commit that wrote to the outbox. Never blocks.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Publishes the outbox of a service. Run one in every replica.
#[derive(Debug)]
pub struct Relay {
    pool: MySqlPool,
    kafka: Kafka,
    settings: RelaySettings,
    metrics: RelayMetrics,
    owner: String,
    waker: Waker,
    leases: Leases,
    rows: Rows,
    held: Held,
    missing: Option<TopicSettings>,
}

impl Relay {
    /// Of the outbox of `service` in the database of `pool`; uses one connection of it.
    #[must_use]
    pub fn new(
        service: &ServiceName,
        pool: MySqlPool,
        kafka: Kafka,
        settings: RelaySettings,
        metrics: RelayMetrics,
    ) -> Self {
        let owner = ids::replica();
        Self {
            leases: Leases::new(service, owner.clone(), settings.lease),
            rows: Rows::new(service, owner.clone(), &settings),
            pool,
            kafka,
            settings,
            metrics,
            owner,
            waker: Waker::default(),
            held: Held::default(),
            missing: None,
        }
    }

    /// Makes a topic, and that of its dead letters, with these settings when it is missing when it is
    /// published to. Without this its rows wait until somebody makes it.
    #[must_use]
    pub fn make_topics(mut self, settings: TopicSettings) -> Self {
        self.missing = Some(settings);
        self
    }

    /// For those who write to the outbox in this process.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Publishes until `stop`, then finishes what was sent and gives its slots back. Kafka or
    /// MariaDB away means waiting, however long.
    ///
    /// # Errors
    /// A property of Kafka that librdkafka refuses. Nothing else ends it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), KafkaError> {
        let timeout = self.settings.message_timeout();
        let mut producer = self.kafka.producer(timeout)?;
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        let mut lag_due = Instant::now();
        tracing::info!(owner = self.owner, "relay started");
        while !stop.is_cancelled() {
            if producer.client().fatal_error().is_some() {
                producer = self.kafka.producer(timeout)?;
            }
            let pause = match self.round(&producer, &mut lag_due, &stop).await {
                Ok(Round::Moved) => {
                    backoff.reset();
                    continue;
                }
                Ok(Round::Nothing) => {
                    backoff.reset();
                    self.settings.poll
                }
                Ok(Round::Stuck) => backoff.pause(),
                Ok(Round::PassedOver(took)) => {
                    backoff.reset();
                    // Not cut short by a waker: everything that is passed over would be read again.
                    let rest = took.saturating_mul(HELD_LOOK_SHARE - 1);
                    tokio::select! {
                        () = tokio::time::sleep(rest) => {}
                        () = stop.cancelled() => {}
                    }
                    self.settings.poll
                }
                Err(error) => {
                    self.metrics.database_failures.inc();
                    tracing::warn!(%error, "the relay cannot work with the database");
                    backoff.pause()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.waker.0.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        for published in self.held.finish().await {
            if let Err(error) = self.note(&published).await {
                tracing::warn!(%error, "published rows were not deleted; they are published again");
            }
        }
        let given =
            tokio::time::timeout(GIVE_BACK_TIMEOUT, self.leases.give_back(&self.pool)).await;
        let why = match given {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        if let Some(why) = why {
            tracing::warn!(
                why,
                "slots were not given back; others take them when they run out"
            );
        }
        self.metrics.slots.set(0);
        tracing::info!(owner = self.owner, "relay stopped");
        Ok(())
    }

    async fn round(
        &mut self,
        producer: &Producer,
        lag_due: &mut Instant,
        stop: &CancellationToken,
    ) -> Result<Round, sqlx::Error> {
        for published in self.held.ended() {
            self.note(&published).await?;
        }
        if self.leases.are_due() {
            let under_way = self.held.is_trying();
            let renewed = self.leases.renew(&self.pool, under_way);
            let Some(renewed) = stop.run_until_cancelled(renewed).await else {
                return Ok(Round::Nothing);
            };
            renewed?;
            let slots = self.leases.slots().len();
            self.metrics
                .slots
                .set(i64::try_from(slots).unwrap_or_default());
        }
        if Instant::now() >= *lag_due {
            let lag = self.rows.oldest_age(&self.pool);
            let Some(lag) = stop.run_until_cancelled(lag).await else {
                return Ok(Round::Nothing);
            };
            let lag = lag?;
            self.metrics.lag_seconds.set(lag.as_secs_f64());
            *lag_due = Instant::now() + LAG_PERIOD;
        }
        let slots = self.leases.slots();
        if slots.is_empty() {
            return Ok(Round::Nothing);
        }
        let send_until = self.leases.until() - self.settings.reserve();
        let trial = Trial {
            producer,
            kafka: &self.kafka,
            missing: self.missing,
            settings: self.settings,
            metrics: &self.metrics,
            send_until,
        };
        self.held
            .try_due(&self.rows, &self.pool, slots, &trial)
            .await?;
        let begun = Instant::now();
        let held = self.held.names();
        let batch = self.rows.read(&self.pool, slots, &held);
        let Some(batch) = stop.run_until_cancelled(batch).await else {
            return Ok(Round::Nothing);
        };
        let batch = batch?;
        if batch.is_empty() {
            return Ok(if self.held.is_empty() {
                Round::Nothing
            } else {
                Round::PassedOver(begun.elapsed())
            });
        }
        let published = publish::publish(producer, batch, send_until, &self.metrics).await;
        self.note(&published).await?;
        for topic in &published.failed_topics {
            self.held.hold(topic);
        }
        Ok(if published.delivered.is_empty() {
            Round::Stuck
        } else {
            Round::Moved
        })
    }

    /// Deletes what was published, and tells what was not.
    async fn note(&self, published: &Published) -> Result<(), sqlx::Error> {
        for (error, count) in &published.failures {
            tracing::warn!(%error, count, "events could not be published");
        }
        self.rows.delete(&self.pool, &published.delivered).await
    }
}

/// What a round came to.
enum Round {
    /// Rows were published: look for more.
    Moved,
    /// There are none, or none for us.
    Nothing,
    /// There are, but none could be published.
    Stuck,
    /// There are none but those of topics that are held; looking took so long.
    PassedOver(Duration),
}

const _: () = assert!(SLOTS == 16, "the table of slots has 16 rows");
