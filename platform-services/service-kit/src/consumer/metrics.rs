use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::metrics::LATENCY_BUCKETS;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TopicLabel {
    pub(super) topic: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub(super) topic: String,
    pub(super) reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PartitionLabels {
    pub(super) topic: String,
    pub(super) partition: i32,
}

/// What a consumer measures. Cheap to clone; consumers of one process may share it.
#[derive(Debug, Clone)]
pub struct ConsumerMetrics {
    pub(super) handled: Family<TopicLabel, Counter>,
    pub(super) repeated: Family<TopicLabel, Counter>,
    pub(super) skipped: Family<ReasonLabels, Counter>,
    pub(super) retries: Family<TopicLabel, Counter>,
    pub(super) dead: Family<ReasonLabels, Counter>,
    pub(super) lag: Family<PartitionLabels, Gauge>,
    pub(super) paused: Gauge,
    pub(super) durations: Family<TopicLabel, Histogram, fn() -> Histogram>,
    pub(super) errors: Counter,
}

impl ConsumerMetrics {
    /// Adds them to the service's.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            handled: Family::default(),
            repeated: Family::default(),
            skipped: Family::default(),
            retries: Family::default(),
            dead: Family::default(),
            lag: Family::default(),
            paused: Gauge::default(),
            durations: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            errors: Counter::default(),
        };
        registry.register(
            "consumer_handled",
            "Events handled, by topic",
            metrics.handled.clone(),
        );
        registry.register(
            "consumer_repeated",
            "Events that had been handled before",
            metrics.repeated.clone(),
        );
        registry.register(
            "consumer_skipped",
            "Events that nobody here wants, by topic and reason",
            metrics.skipped.clone(),
        );
        registry.register(
            "consumer_retries",
            "Attempts that failed and are repeated",
            metrics.retries.clone(),
        );
        registry.register(
            "consumer_dead_letters",
            "Events put on the dead letter topic, by topic and reason",
            metrics.dead.clone(),
        );
        registry.register(
            "consumer_lag",
            "Events of a partition that are not handled yet",
            metrics.lag.clone(),
        );
        registry.register(
            "consumer_paused_partitions",
            "Partitions that wait for a retry or for room",
            metrics.paused.clone(),
        );
        registry.register_with_unit(
            "consumer_duration",
            "One attempt to handle an event",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "consumer_errors",
            "Errors that Kafka reported to the consumer",
            metrics.errors.clone(),
        );
        metrics
    }
}
