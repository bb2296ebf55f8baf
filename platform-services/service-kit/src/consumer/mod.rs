//! The one way to consume: a handler in one database transaction with the inbox, offsets committed
//! by hand after it, order kept in each partition, and nothing that stops a partition for good.
//!
//! | what happens | then |
//! |---|---|
//! | handled | inbox row and the handler's changes commit together; the offset follows |
//! | delivered again | the inbox has it: nothing changes |
//! | transient failure | the partition pauses and the same event is tried again, ever more slowly; other partitions go on |
//! | permanent failure, unreadable, unknown version, panic | to `<topic>.dlq`, key and value unchanged, with the reason; then on |
//! | unknown type, or the handler does not want it | skipped and counted |
//! | a batch cannot be unpacked | each message in it to the dead letters, by its place, without a value; then on |
//! | the letter is too large for its topic | it is written without the value, whose length it tells; then on |
//! | the partition goes to another consumer | work under way is abandoned (its transaction rolls back) unless it is done; nothing is committed for it any more |
//! | stop | events under way are finished, within the drain's time; then the offsets are committed |
//!
//! A handler that needs more than one transaction implements [`FreeHandler`] and keeps its own
//! record of what it did. Its call under way is finished when the partition goes.

mod context;
mod error;
mod event;
mod flags;
mod handler;
mod keep;
mod metrics;
mod partitions;
mod queue;
mod record;
mod run;
mod unreadable;
mod work;

use std::{sync::Arc, time::Duration};

use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

pub(crate) use self::record::Record;
pub use self::{
    error::{ConsumerError, HandlerError},
    event::Event,
    flags::{GroupFlags, SESSION_SECONDS, SESSION_SECONDS_DEFAULT},
    handler::{FreeHandler, Handler, Outcome},
    metrics::ConsumerMetrics,
};
use self::{handler::InTransaction, work::Process};
use crate::{db::ServiceName, inbox::Inbox, kafka::Kafka};

/// How a consumer behaves.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// Consumers of one group share the partitions.
    pub group: String,
    /// What it reads.
    pub topics: Vec<String>,
    /// The first pause after a transient failure; it doubles from there.
    pub retry_first: Duration,
    /// The longest pause.
    pub retry_longest: Duration,
    /// How long one attempt may take; then it is a transient failure.
    pub attempt_timeout: Duration,
    /// How often offsets are committed.
    pub commit_period: Duration,
    /// How long the group waits for a consumer that says nothing, and was killed perhaps, before others
    /// get its partitions. Kafka takes what is from its `group.min.session.timeout.ms` (6 s by default)
    /// to its `group.max.session.timeout.ms` (30 min). Heartbeats come three times as often.
    pub session_timeout: Duration,
    /// How long events under way may take after the stop.
    pub drain_timeout: Duration,
    /// Events of a partition that wait in memory; then it pauses.
    pub queue_max: usize,
    /// Bytes of them.
    pub queue_bytes_max: usize,
}

impl ConsumerSettings {
    /// The usual settings.
    #[must_use]
    pub fn new(
        group: impl Into<String>,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            group: group.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_secs(30),
            attempt_timeout: Duration::from_secs(60),
            commit_period: Duration::from_millis(250),
            session_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
            queue_max: 500,
            queue_bytes_max: 4 << 20,
        }
    }
}

/// A consumer: run one or more in every replica.
#[derive(Debug)]
pub struct Consumer<P> {
    kafka: Kafka,
    settings: ConsumerSettings,
    metrics: ConsumerMetrics,
    process: Arc<P>,
}

impl<H: Handler> Consumer<InTransaction<H>> {
    /// Of a handler that works in one transaction, with the inbox of `service` in the database of
    /// `pool`; uses one connection for each partition it has.
    #[must_use]
    pub fn new(
        kafka: Kafka,
        service: &ServiceName,
        pool: MySqlPool,
        settings: ConsumerSettings,
        metrics: ConsumerMetrics,
        handler: H,
    ) -> Self {
        Self {
            kafka,
            settings,
            metrics,
            process: Arc::new(InTransaction::new(pool, Inbox::new(service), handler)),
        }
    }
}

impl<H: FreeHandler> Consumer<handler::Free<H>> {
    /// Of a handler that sees to its transactions itself.
    #[must_use]
    pub fn free(
        kafka: Kafka,
        settings: ConsumerSettings,
        metrics: ConsumerMetrics,
        handler: H,
    ) -> Self {
        Self {
            kafka,
            settings,
            metrics,
            process: Arc::new(handler::Free(handler)),
        }
    }
}

#[expect(
    private_bounds,
    reason = "there are two ways to process an event, and both are here"
)]
impl<P: Process> Consumer<P> {
    /// Consumes until `stop`. Kafka or MariaDB away means waiting, however long.
    ///
    /// # Errors
    /// [`ConsumerError`] when Kafka will have this consumer no more; a new one may fare better: see
    /// [`Consumer::keep`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), ConsumerError> {
        run::run(
            &self.kafka,
            self.settings,
            self.metrics,
            self.process,
            &stop,
        )
        .await
    }
}
