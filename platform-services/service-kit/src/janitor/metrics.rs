use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};

/// What a janitor measures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JanitorMetrics {
    pub(super) waiting: Gauge,
    pub(super) oldest_age_seconds: Gauge<f64, AtomicU64>,
    pub(super) deleted: Counter,
    pub(super) database_failures: Counter,
    pub(super) connect_failures: Counter,
    pub(super) restarts: Counter,
}

impl JanitorMetrics {
    /// Adds them to the service's.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            waiting: Gauge::default(),
            oldest_age_seconds: Gauge::default(),
            deleted: Counter::default(),
            database_failures: Counter::default(),
            connect_failures: Counter::default(),
            restarts: Counter::default(),
        };
        registry.register(
            "outbox_waiting",
            "Rows of the outbox, counted up to 100000: not published by Kafka Connect yet, or not deleted yet",
            metrics.waiting.clone(),
        );
        registry.register_with_unit(
            "outbox_oldest_age",
            "Age of the oldest row of the outbox; 0 when there is none",
            Unit::Seconds,
            metrics.oldest_age_seconds.clone(),
        );
        registry.register(
            "outbox_janitor_deleted",
            "Rows deleted after Kafka Connect had passed them",
            metrics.deleted.clone(),
        );
        registry.register(
            "outbox_janitor_database_failures",
            "Rounds of the janitor that MariaDB refused",
            metrics.database_failures.clone(),
        );
        registry.register(
            "outbox_janitor_connect_failures",
            "Rounds of the janitor in which nobody knew how far the connector is; nothing was deleted",
            metrics.connect_failures.clone(),
        );
        registry.register(
            "outbox_connector_restarts",
            "Restarts of a connector that had failed",
            metrics.restarts.clone(),
        );
        metrics
    }
}
