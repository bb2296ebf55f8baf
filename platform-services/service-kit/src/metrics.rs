//! Metrics: a registry that every part adds its own to, written as OpenMetrics text.

use prometheus_client::{encoding::text::encode, metrics::info::Info, registry::Registry};

use crate::telemetry;

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry whose names begin with `prefix_`, and which tells the running version and what the process uses.
#[must_use]
pub fn registry(prefix: &str, version: &str) -> Registry {
    let mut registry = Registry::with_prefix(prefix);
    let build = Info::new([("version", version.to_owned())]);
    registry.register("build", "The running version", build);
    process_metrics::register(&mut registry);
    telemetry::register_metrics(&mut registry);
    registry
}

/// All metrics.
#[must_use]
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    if let Err(error) = encode(&mut text, registry) {
        tracing::error!(%error, "metrics cannot be written");
    }
    text
}

/// Buckets in seconds for what takes a millisecond on a good day and seconds on a bad one.
pub const LATENCY_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
