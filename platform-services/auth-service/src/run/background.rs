//! What goes on beside the requests.

use std::time::Duration;

use contracts::EventType;
use service_kit::{
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{ServiceName, Tables},
    inbox::{self, Inbox},
    kafka::Kafka,
    topics::{self, TopicSettings},
};
use sqlx::MySqlPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::{
    keys::Keys,
    limits::{CLEAN_PERIOD, KEYS_PERIOD},
    locked::LockedUsers,
    store::Store,
};

/// What it hears.
const CONSUMED: [EventType; 1] = [EventType::UserLocked];

/// Everything it needs.
pub(super) struct Background {
    pub(super) pool: MySqlPool,
    pub(super) tables: Tables,
    pub(super) name: ServiceName,
    pub(super) kafka: Kafka,
    pub(super) topics: TopicSettings,
    pub(super) session: Duration,
    pub(super) consumer: ConsumerMetrics,
    pub(super) keys: Keys,
    pub(super) store: Store,
}

impl Background {
    pub(super) fn spawn(self, tasks: &mut JoinSet<Result<(), Error>>, stop: &CancellationToken) {
        tasks.spawn(read_keys(self.keys.clone(), stop.clone()));
        let stop = stop.clone();
        tasks.spawn(async move {
            if !self.tables.migrate(&stop).await? {
                return Ok(());
            }
            let inbox = Inbox::new(&self.name);
            tokio::join!(
                clean(self.store.clone(), stop.clone()),
                inbox.keep_small(self.pool.clone(), inbox::KEEP, stop.clone()),
                self.consume(&stop),
            );
            Ok(())
        });
    }

    async fn consume(&self, stop: &CancellationToken) {
        topics::create_all(&self.kafka, CONSUMED, self.topics, stop).await;
        let settings = ConsumerSettings {
            session_timeout: self.session,
            ..ConsumerSettings::new("auth", CONSUMED.map(EventType::topic))
        };
        let make = || {
            Consumer::new(
                self.kafka.clone(),
                &self.name,
                self.pool.clone(),
                settings.clone(),
                self.consumer.clone(),
                LockedUsers,
            )
        };
        Consumer::keep(make, stop).await;
    }
}

/// Notices rotations, and the moments at which keys begin to sign and are retired.
async fn read_keys(keys: Keys, stop: CancellationToken) -> Result<(), Error> {
    loop {
        pause(KEYS_PERIOD, &stop).await;
        if stop.is_cancelled() {
            return Ok(());
        }
        let keys = keys.clone();
        let read = tokio::task::spawn_blocking(move || keys.reload()).await;
        if let Err(error) = read.map_err(|error| Error::Background(error.to_string()))? {
            tracing::error!(%error, "keys cannot be read; those at hand go on");
        }
    }
}

async fn clean(store: Store, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let more = match store.clean().await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "what is old cannot be deleted");
                false
            }
        };
        if !more {
            pause(CLEAN_PERIOD, &stop).await;
        }
    }
}

async fn pause(pause: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}
