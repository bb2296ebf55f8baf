//! What goes on beside the requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contracts::EventType;
use service_kit::{
    backoff::Backoff,
    consumer::{Consumer, ConsumerMetrics, ConsumerSettings},
    db::{self, DatabaseError, ServiceName},
    kafka::Kafka,
    topics::{self, TopicSettings},
};
use sqlx::MySqlPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{DATABASE, Error, MIGRATIONS};
use crate::{
    keys::Keys,
    limits::{CLEAN_PERIOD, KEYS_PERIOD},
    locked::LockedUsers,
    store::Store,
};

/// The first and the longest pause between two attempts to reach what is away.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// Everything it needs.
pub(super) struct Background {
    pub(super) database_url: String,
    pub(super) pool: MySqlPool,
    pub(super) migrated: Arc<AtomicBool>,
    pub(super) name: ServiceName,
    pub(super) kafka: Kafka,
    pub(super) consumer: ConsumerMetrics,
    pub(super) keys: Keys,
    pub(super) store: Store,
}

impl Background {
    pub(super) fn spawn(self, tasks: &mut JoinSet<Result<(), Error>>, stop: &CancellationToken) {
        tasks.spawn(read_keys(self.keys.clone(), stop.clone()));
        let stop = stop.clone();
        tasks.spawn(async move {
            if !self.migrate(&stop).await? {
                return Ok(());
            }
            self.migrated.store(true, Ordering::Release);
            let cleaning = clean(self.store.clone(), stop.clone());
            let ((), consumed) = tokio::join!(cleaning, self.consume(&stop));
            consumed
        });
    }

    /// Until the tables are up to date, or it is told to stop (then `false`).
    async fn migrate(&self, stop: &CancellationToken) -> Result<bool, Error> {
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        loop {
            let migrated = tokio::select! {
                () = stop.cancelled() => return Ok(false),
                migrated = db::migrate(&self.database_url, DATABASE, &self.pool, &MIGRATIONS) => migrated,
            };
            match migrated {
                Ok(()) => return Ok(true),
                Err(error @ DatabaseError::Url(_)) => return Err(error.into()),
                Err(
                    error @ (DatabaseError::Unreachable(_)
                    | DatabaseError::Locked
                    | DatabaseError::Migration(_)),
                ) => tracing::warn!(%error, "waiting for MariaDB"),
            }
            pause(backoff.pause(), stop).await;
        }
    }

    async fn consume(&self, stop: &CancellationToken) -> Result<(), Error> {
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        while !stop.is_cancelled() {
            let created = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                created = topics::create(
                    &self.kafka,
                    [EventType::UserLocked],
                    TopicSettings::default(),
                ) => created,
            };
            match created {
                Ok(()) => break,
                Err(error) => tracing::warn!(%error, "waiting for Kafka"),
            }
            pause(backoff.pause(), stop).await;
        }
        backoff.reset();
        while !stop.is_cancelled() {
            let topics = [EventType::UserLocked.topic()];
            let consumer = Consumer::new(
                self.kafka.clone(),
                &self.name,
                self.pool.clone(),
                ConsumerSettings::new("auth", topics),
                self.consumer.clone(),
                LockedUsers,
            );
            match consumer.run(stop.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::error!(%error, "the consumer begins again"),
            }
            pause(backoff.pause(), stop).await;
        }
        Ok(())
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
