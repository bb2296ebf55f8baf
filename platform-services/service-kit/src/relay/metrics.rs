use std::sync::atomic::AtomicU64;

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

/// What a relay measures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RelayMetrics {
    pub(super) published: Family<TopicLabel, Counter>,
    pub(super) failed: Family<TopicLabel, Counter>,
    pub(super) database_failures: Counter,
    pub(super) lag_seconds: Gauge<f64, AtomicU64>,
    pub(super) delay: Histogram,
    pub(super) slots: Gauge,
}

impl RelayMetrics {
    /// Adds them to the service's.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            published: Family::default(),
            failed: Family::default(),
            database_failures: Counter::default(),
            lag_seconds: Gauge::default(),
            delay: Histogram::new(LATENCY_BUCKETS),
            slots: Gauge::default(),
        };
        registry.register(
            "outbox_published",
            "Rows that Kafka acknowledged, by topic",
            metrics.published.clone(),
        );
        registry.register(
            "outbox_publish_failures",
            "Rows that Kafka did not take; each is tried again",
            metrics.failed.clone(),
        );
        registry.register(
            "outbox_database_failures",
            "Rounds of the relay that MariaDB refused",
            metrics.database_failures.clone(),
        );
        registry.register_with_unit(
            "outbox_lag",
            "Age of the oldest row of the whole outbox; 0 when there is none",
            Unit::Seconds,
            metrics.lag_seconds.clone(),
        );
        registry.register_with_unit(
            "outbox_delay",
            "From a row's insert to Kafka's acknowledgement",
            Unit::Seconds,
            metrics.delay.clone(),
        );
        registry.register(
            "outbox_slots",
            "Slots that this replica publishes, of 16",
            metrics.slots.clone(),
        );
        metrics
    }
}
