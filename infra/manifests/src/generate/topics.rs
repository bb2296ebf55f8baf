//! The topics of the contracts, as services make them at their start, and with three copies.

use contracts::EventType;
use service_kit::topics::{DLQ_SUFFIX, TopicSettings};

/// Bytes of a message, of a topic and of one for dead letters; as in `service_kit::topics`, which a test compares.
const MESSAGE_BYTES_MAX: &str = "1048588";
const DLQ_MESSAGE_BYTES_MAX: &str = "16777216";

/// The longest time until a segment is closed.
const SEGMENT_LONGEST_MS: u128 = 86_400_000;

const REPLICAS: u8 = 3;
const IN_SYNC_MIN: u8 = 2;

pub(super) fn text() -> String {
    let settings = TopicSettings::default();
    let mut topics = Vec::new();
    for event_type in EventType::ALL {
        let name = event_type.topic();
        let dlq = format!("{name}{DLQ_SUFFIX}");
        topics.push(topic(
            name,
            settings.partitions,
            settings.retention.as_millis(),
            MESSAGE_BYTES_MAX,
        ));
        topics.push(topic(
            &dlq,
            1,
            settings.dlq_retention.as_millis(),
            DLQ_MESSAGE_BYTES_MAX,
        ));
    }
    topics.join("---\n")
}

fn topic(name: &str, partitions: i32, retention_ms: u128, message_bytes_max: &str) -> String {
    let segment_ms = retention_ms.min(SEGMENT_LONGEST_MS);
    format!(
        "\
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata:
  name: {name}
  labels: {{ strimzi.io/cluster: shop }}
spec:
  partitions: {partitions}
  replicas: {REPLICAS}
  config:
    cleanup.policy: delete
    retention.ms: {retention_ms}
    segment.ms: {segment_ms}
    max.message.bytes: {message_bytes_max}
    min.insync.replicas: {IN_SYNC_MIN}
"
    )
}
