//! What the service counts beyond what every service does.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The service's own metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Payments with an unknown outcome.
    pub(crate) unknown: Gauge,
    /// Seconds since the attempt of the oldest of them.
    pub(crate) unknown_oldest: Gauge,
    /// Refunds that are not done.
    pub(crate) refunds_open: Gauge,
    /// Seconds since the oldest of them was asked for.
    pub(crate) refunds_oldest: Gauge,
    /// Refunds that were refused at least once and are tried again.
    pub(crate) refunds_refused_open: Gauge,
    /// Refusals, each of which is tried again.
    pub(crate) refunds_refused: Counter,
    /// Approvals of payments that had ended, which are paid back.
    pub(crate) strays: Counter,
    settled: Family<Outcome, Counter>,
    webhooks: Family<Outcome, Counter>,
    extensions: Family<Outcome, Counter>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "unknown",
            "Payments whose outcome is not known",
            metrics.unknown.clone(),
        );
        registry.register(
            "unknown_oldest_age_seconds",
            "Seconds since the attempt of the oldest payment whose outcome is not known",
            metrics.unknown_oldest.clone(),
        );
        registry.register(
            "refunds_open",
            "Refunds that are not done",
            metrics.refunds_open.clone(),
        );
        registry.register(
            "refunds_oldest_age_seconds",
            "Seconds since the oldest refund that is not done was asked for",
            metrics.refunds_oldest.clone(),
        );
        registry.register(
            "refunds_refused_open",
            "Refunds that the gateway refused and that are tried again",
            metrics.refunds_refused_open.clone(),
        );
        registry.register(
            "refunds_refused",
            "Refusals of refunds by the gateway",
            metrics.refunds_refused.clone(),
        );
        registry.register(
            "stray_approvals",
            "Approvals of payments that had ended without one; the money goes back",
            metrics.strays.clone(),
        );
        registry.register(
            "attempts",
            "Attempts that came to an end: approved, declined, not_found, not_sent",
            metrics.settled.clone(),
        );
        registry.register(
            "webhooks",
            "Webhooks by what was done with them: asked, ignored, too_many",
            metrics.webhooks.clone(),
        );
        registry.register(
            "hold_extensions",
            "Extensions of holds by outcome: extended, refused, unavailable",
            metrics.extensions.clone(),
        );
        metrics
    }

    pub(crate) fn settled(&self, outcome: &'static str) {
        self.settled.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn webhook(&self, outcome: &'static str) {
        self.webhooks.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn extension(&self, outcome: &'static str) {
        self.extensions.get_or_create(&Outcome { outcome }).inc();
    }
}
