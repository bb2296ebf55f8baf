//! What librdkafka tells a consumer.

use std::sync::Arc;

use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
};

use super::{
    metrics::{ConsumerMetrics, PartitionLabels},
    partitions::Partitions,
};
use crate::kafka::log_error;

#[derive(Debug)]
pub(super) struct Context {
    pub(super) partitions: Arc<Partitions>,
    pub(super) metrics: ConsumerMetrics,
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        for topic in statistics.topics.values() {
            for partition in topic.partitions.values() {
                let place = (topic.topic.clone(), partition.partition);
                let Some(asked) = self.partitions.ends(&place) else {
                    continue;
                };
                let fetched = if partition.ls_offset >= 0 {
                    partition.ls_offset
                } else {
                    partition.hi_offset
                };
                self.partitions
                    .fetching(&place, partition.next_offset, fetched);
                // Of a partition that is paused, or says nothing, only we know that it grew.
                let end = fetched.max(asked.high);
                if end < 0 {
                    continue;
                }
                let position = self
                    .partitions
                    .position(&place)
                    .unwrap_or(partition.committed_offset)
                    .max(asked.low)
                    .max(0);
                let labels = labels(&place.0, place.1);
                let lag = end.saturating_sub(position).max(0);
                self.metrics.lag.get_or_create(&labels).set(lag);
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.metrics.errors.inc();
        log_error(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                tracing::info!(partitions = ?names(list), "partitions assigned");
                self.partitions.assigned(list);
            }
            Rebalance::Revoke(list) => {
                let lost = consumer.assignment_lost();
                tracing::info!(partitions = ?names(list), lost, "partitions revoked");
                self.partitions.revoked(list);
                for element in list.elements() {
                    let labels = labels(element.topic(), element.partition());
                    self.metrics.lag.remove(&labels);
                }
                // librdkafka keeps our pauses: a partition that came back would never be fetched.
                if let Err(error) = consumer.resume(list) {
                    tracing::warn!(%error, "resuming revoked partitions");
                }
                let due = match self.partitions.remove(list) {
                    Ok(due) if due.count() > 0 && !lost => due,
                    Ok(_) => return,
                    Err(error) => {
                        tracing::error!(%error, "offsets to commit");
                        return;
                    }
                };
                // Goes to the coordinator before we tell it that they are free.
                if let Err(error) = consumer.commit(&due, CommitMode::Async) {
                    tracing::warn!(%error, "the last offsets of revoked partitions");
                }
            }
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::warn!(%error, "offsets were not committed");
            self.partitions.not_committed(offsets);
        }
    }
}

fn names(list: &TopicPartitionList) -> Vec<String> {
    let elements = list.elements();
    let names = elements
        .iter()
        .map(|element| format!("{}[{}]", element.topic(), element.partition()));
    names.collect()
}

fn labels(topic: &str, partition: i32) -> PartitionLabels {
    PartitionLabels {
        topic: topic.to_owned(),
        partition,
    }
}
