//! Topics, created at start with partitions, replication and retention that somebody decided.

mod flags;
mod keep_trying;

use std::time::Duration;

use contracts::EventType;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    error::{KafkaError, RDKafkaErrorCode},
};

pub use self::{flags::TopicFlags, keep_trying::create_all};
use crate::kafka::{Context, Kafka};

/// How long the broker may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What is put behind a topic's name for its dead letters.
pub const DLQ_SUFFIX: &str = ".dlq";

/// Bytes of a message on a topic: what every broker takes by default.
const MESSAGE_BYTES_MAX: &str = "1048588";

/// Bytes of a dead letter. Whatever got onto the topic must get onto this one too, with more
/// headers, and uncompressed where it was compressed better.
const DLQ_MESSAGE_BYTES_MAX: &str = "16777216";

/// After how long a segment is closed at the latest. Only closed segments are deleted: with the
/// broker's seven days an event of a quiet topic would be kept for twice its retention.
const SEGMENT_LONGEST: Duration = Duration::from_secs(86_400);

/// How topics are made. Topics that exist are left as they are.
#[derive(Debug, Clone, Copy)]
pub struct TopicSettings {
    /// Partitions of a topic; dead letters have one.
    pub partitions: i32,
    /// Copies of each partition.
    pub replication: i32,
    /// How long events are kept.
    pub retention: Duration,
    /// How long dead letters are kept. Commands are remembered for longer.
    pub dlq_retention: Duration,
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            partitions: 6,
            replication: 1,
            retention: Duration::from_secs(7 * 86_400),
            dlq_retention: Duration::from_secs(30 * 86_400),
        }
    }
}

/// Why a topic is not there.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// Kafka cannot be asked.
    #[error("creating topics: {0}")]
    Kafka(#[from] KafkaError),
    /// Kafka does not want it.
    #[error("creating the topic {topic}: {code}")]
    Refused {
        /// The topic.
        topic: String,
        /// Why.
        code: RDKafkaErrorCode,
    },
}

/// The name of the topic for what no consumer of `topic` could handle.
#[must_use]
pub fn dlq_of(topic: &str) -> String {
    format!("{topic}{DLQ_SUFFIX}")
}

/// Creates the topics of these event types, and of their dead letters, where they are missing.
///
/// # Errors
/// [`TopicError`]; what was created stays.
pub async fn create(
    kafka: &Kafka,
    types: impl IntoIterator<Item = EventType>,
    settings: TopicSettings,
) -> Result<(), TopicError> {
    let names: Vec<&str> = types.into_iter().map(EventType::topic).collect();
    create_named(kafka, &names, settings).await
}

/// As [`create`], by name.
///
/// # Errors
/// [`TopicError`]; what was created stays.
pub async fn create_named(
    kafka: &Kafka,
    names: &[&str],
    settings: TopicSettings,
) -> Result<(), TopicError> {
    let admin: AdminClient<Context> = kafka.config(&[]).create_with_context(kafka.context())?;
    let dlq_names: Vec<String> = names.iter().map(|name| dlq_of(name)).collect();
    let retention = settings.retention.as_millis().to_string();
    let dlq_retention = settings.dlq_retention.as_millis().to_string();
    let segment = segment_of(settings.retention);
    let dlq_segment = segment_of(settings.dlq_retention);
    let replication = || TopicReplication::Fixed(settings.replication);
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .map(|name| {
            NewTopic::new(name, settings.partitions, replication())
                .set("cleanup.policy", "delete")
                .set("retention.ms", &retention)
                .set("segment.ms", &segment)
                .set("max.message.bytes", MESSAGE_BYTES_MAX)
        })
        .chain(dlq_names.iter().map(|name| {
            NewTopic::new(name, 1, replication())
                .set("cleanup.policy", "delete")
                .set("retention.ms", &dlq_retention)
                .set("segment.ms", &dlq_segment)
                .set("max.message.bytes", DLQ_MESSAGE_BYTES_MAX)
        }))
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(REQUEST_TIMEOUT))
        .operation_timeout(Some(REQUEST_TIMEOUT));
    for answer in admin.create_topics(&topics, &options).await? {
        match answer {
            Ok(topic) => tracing::info!(topic, "topic created"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(TopicError::Refused { topic, code }),
        }
    }
    Ok(())
}

/// `segment.ms` for a retention: a day, less where less is kept.
fn segment_of(retention: Duration) -> String {
    retention
        .min(SEGMENT_LONGEST)
        .as_millis()
        .max(1)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_no_longer_than_the_retention() {
        assert_eq!(segment_of(Duration::from_secs(7 * 86_400)), "86400000");
        assert_eq!(segment_of(Duration::from_secs(60)), "60000");
        assert_eq!(segment_of(Duration::ZERO), "1");
    }
}
