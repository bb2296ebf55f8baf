//! Topics that did not take a row: the others go on without them.
//!
//! All rows of such a topic are passed over, so that the order of its keys is kept, and a few of them
//! are tried by themselves, ever more rarely, until Kafka takes them.

use std::{collections::HashMap, time::Duration};

use sqlx::MySqlPool;
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    RelayMetrics, RelaySettings,
    publish::{self, Published},
    rows::{Row, Rows},
};
use crate::{
    backoff::Backoff,
    kafka::{Kafka, Producer},
    topics::{self, TopicSettings},
};

/// The first pause before a topic is tried again; it doubles from there.
const HELD_FIRST: Duration = Duration::from_millis(100);

/// The longest pause.
const HELD_LONGEST: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Topic {
    backoff: Backoff,
    /// When to try again; `None` while it is tried.
    due: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Held {
    topics: HashMap<String, Topic>,
    trials: JoinSet<(String, Published)>,
}

/// What a trial needs.
pub(super) struct Trial<'a> {
    pub(super) producer: &'a Producer,
    pub(super) kafka: &'a Kafka,
    pub(super) missing: Option<TopicSettings>,
    pub(super) settings: RelaySettings,
    pub(super) metrics: &'a RelayMetrics,
    pub(super) send_until: Instant,
}

impl Held {
    /// Names of the topics whose rows are passed over.
    pub(super) fn names(&self) -> Vec<String> {
        self.topics.keys().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Whether rows of a held topic may be on their way.
    pub(super) fn is_trying(&self) -> bool {
        !self.trials.is_empty()
    }

    /// A row of the topic was not taken.
    pub(super) fn hold(&mut self, topic: &str) {
        let held = self
            .topics
            .entry(topic.to_owned())
            .or_insert_with(|| Topic {
                backoff: Backoff::new(HELD_FIRST, HELD_LONGEST),
                due: None,
            });
        held.due = Some(Instant::now() + held.backoff.pause());
    }

    /// Tries those whose time has come: the first row of each of these slots.
    pub(super) async fn try_due(
        &mut self,
        rows: &Rows,
        pool: &MySqlPool,
        slots: &[u8],
        trial: &Trial<'_>,
    ) -> Result<(), sqlx::Error> {
        let now = Instant::now();
        let due = |topic: &Topic| topic.due.is_some_and(|due| due <= now);
        let names: Vec<String> = self
            .topics
            .iter()
            .filter(|(_, topic)| due(topic))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let batch = rows.read_first_of(pool, slots, &name).await?;
            if batch.is_empty() {
                self.topics.remove(&name);
                continue;
            }
            if let Some(topic) = self.topics.get_mut(&name) {
                topic.due = None;
            }
            self.trials.spawn(attempt(name, batch, trial));
        }
        Ok(())
    }

    /// What became of trials that are over. Their topics are free if Kafka took every row.
    pub(super) fn ended(&mut self) -> Vec<Published> {
        let mut ended = Vec::new();
        while let Some(trial) = self.trials.try_join_next() {
            self.end(trial, &mut ended);
        }
        ended
    }

    /// Waits until no row is on its way.
    pub(super) async fn finish(&mut self) -> Vec<Published> {
        let mut ended = Vec::new();
        while let Some(trial) = self.trials.join_next().await {
            self.end(trial, &mut ended);
        }
        ended
    }

    fn end(&mut self, trial: Result<(String, Published), JoinError>, ended: &mut Vec<Published>) {
        match trial {
            Ok((name, published)) => {
                if published.failures.is_empty() && !published.delivered.is_empty() {
                    tracing::info!(topic = name, "the topic takes events again");
                    self.topics.remove(&name);
                } else {
                    self.hold(&name);
                }
                ended.push(published);
            }
            Err(error) => {
                tracing::error!(%error, "a trial failed");
                // Whose it was is not known: those that are tried are tried again.
                let tried: Vec<String> = self
                    .topics
                    .iter()
                    .filter(|(_, topic)| topic.due.is_none())
                    .map(|(name, _)| name.clone())
                    .collect();
                for name in tried {
                    self.hold(&name);
                }
            }
        }
    }
}

/// Makes the topic if it is missing and we may, has the producer look at it anew, and sends the rows.
fn attempt(
    name: String,
    batch: Vec<Row>,
    trial: &Trial<'_>,
) -> impl Future<Output = (String, Published)> + Send + use<> {
    let (producer, kafka, metrics) = (
        trial.producer.clone(),
        trial.kafka.clone(),
        trial.metrics.clone(),
    );
    let (missing, timeout) = (trial.missing, trial.settings.message_timeout());
    let send_until = trial.send_until;
    async move {
        let (asked, topic) = (producer.clone(), name.clone());
        let looked =
            tokio::task::spawn_blocking(move || publish::has_topic(&asked, &topic, timeout));
        let there = looked.await.unwrap_or(true);
        if !there && let Some(settings) = missing {
            match topics::create_named(&kafka, &[&name], settings).await {
                Ok(()) => tracing::warn!(topic = name, "the topic was missing and is made again"),
                Err(error) => tracing::warn!(%error, topic = name, "the topic is missing"),
            }
        }
        let published = publish::publish(&producer, batch, send_until, &metrics).await;
        (name, published)
    }
}
