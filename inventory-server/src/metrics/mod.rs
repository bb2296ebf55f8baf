//! What is measured. Every handle is resolved once, so that a request only increments.

mod cells;
mod http;
mod operations;
mod shard;

use prometheus_client::{encoding::text::encode, metrics::info::Info, registry::Registry};
use tls::ServerTls;

pub(crate) use self::{
    http::Http,
    operations::{Operation, Operations},
    shard::Shard,
};

/// The content type of the text that [`Metrics::text`] makes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) http: Http,
    pub(crate) operations: Operations,
    pub(crate) shard: Shard,
}

impl Metrics {
    pub(crate) fn new(tls: Option<&ServerTls>) -> Self {
        let mut registry = Registry::with_prefix("inventory");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", build);
        process_metrics::register(&mut registry);
        service_kit::telemetry::register_metrics(&mut registry);
        if let Some(tls) = tls {
            tls.register(&mut registry);
        }
        Self {
            http: Http::register(&mut registry),
            operations: Operations::register(&mut registry),
            shard: Shard::register(&mut registry),
            registry,
        }
    }

    /// All metrics in the OpenMetrics text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}

/// Buckets from 100 µs, a lone request on loopback, to the default request timeout and beyond.
pub(super) const LATENCY_BUCKETS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5,
];

/// Buckets of a number of things that travel together.
pub(super) const SIZE_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;
    use inventory_core::Code;

    use super::*;
    use crate::route::RouteName;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::new(None);
        metrics.http.observe(
            RouteName::Reserve,
            StatusCode::CREATED,
            Duration::from_micros(700),
        );
        metrics.http.observe(
            RouteName::Reserve,
            StatusCode::IM_A_TEAPOT,
            Duration::from_micros(700),
        );
        metrics.operations.succeeded(Operation::Reserve, false);
        metrics
            .operations
            .refused(Operation::Reserve, Code::Internal);
        metrics.operations.batch(3);
        metrics.shard.fenced.set(1);
        let text = metrics.text();
        for line in [
            r#"inventory_http_requests_total{route="POST /api/reservations",status="201"} 1"#,
            r#"inventory_http_requests_total{route="POST /api/reservations",status="other"} 1"#,
            r#"inventory_http_request_duration_seconds_bucket{le="0.001",route="POST /api/reservations"} 2"#,
            r#"inventory_operations_total{operation="reserve",outcome="OK"} 1"#,
            r#"inventory_operations_total{operation="reserve",outcome="INTERNAL"} 1"#,
            r#"inventory_batch_reservations_bucket{le="4.0"} 1"#,
            "inventory_fenced 1",
            "inventory_build_info{version=",
            "inventory_process_cpu_seconds_total ",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
