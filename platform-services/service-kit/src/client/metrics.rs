use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::metrics::LATENCY_BUCKETS;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    neighbour: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NeighbourLabel {
    neighbour: &'static str,
}

/// Calls by neighbour, and what became of them.
#[derive(Debug, Clone)]
pub struct ClientMetrics {
    calls: Family<OutcomeLabels, Counter>,
    retries: Family<NeighbourLabel, Counter>,
    durations: Family<NeighbourLabel, Histogram, fn() -> Histogram>,
    breakers: Family<NeighbourLabel, Gauge>,
}

impl ClientMetrics {
    /// Adds them to the registry; one for all clients of a process.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            calls: Family::default(),
            retries: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            breakers: Family::default(),
        };
        registry.register(
            "client_calls",
            "Calls to a neighbour by outcome: fulfilled, refused, unavailable, unknown",
            metrics.calls.clone(),
        );
        registry.register(
            "client_retries",
            "Further attempts of calls to a neighbour",
            metrics.retries.clone(),
        );
        registry.register_with_unit(
            "client_call_duration",
            "A whole call to a neighbour, with its retries",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "client_breaker_state",
            "The breaker before a neighbour: 0 closed, 1 open, 2 being tried",
            metrics.breakers.clone(),
        );
        metrics
    }

    pub(super) fn called(&self, neighbour: &'static str, outcome: &'static str, took: Duration) {
        let labels = OutcomeLabels { neighbour, outcome };
        self.calls.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&NeighbourLabel { neighbour })
            .observe(took.as_secs_f64());
    }

    pub(super) fn retried(&self, neighbour: &'static str) {
        self.retries
            .get_or_create(&NeighbourLabel { neighbour })
            .inc();
    }

    pub(super) fn breaker(&self, neighbour: &'static str) -> Gauge {
        self.breakers
            .get_or_create(&NeighbourLabel { neighbour })
            .clone()
    }
}
