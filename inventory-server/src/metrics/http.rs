use std::time::Duration;

use hyper::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{LATENCY_BUCKETS, cells::Cells};
use crate::route::RouteName;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

/// The statuses that we answer with, and the label of each.
const STATUSES: [(u16, &str); 15] = [
    (200, "200"),
    (201, "201"),
    (204, "204"),
    (400, "400"),
    (404, "404"),
    (405, "405"),
    (409, "409"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (500, "500"),
    (503, "503"),
    (504, "504"),
    (401, "401"),
    (403, "403"),
];

/// Requests and connections.
#[derive(Debug)]
pub(crate) struct Http {
    requests: Cells<RequestLabels>,
    /// By [`RouteName`].
    durations: Vec<Histogram>,
    pub(crate) connections: Gauge,
    pub(crate) streams: Gauge,
    pub(crate) body_bytes: Gauge,
}

impl Http {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = Family::default();
        registry.register(
            "http_requests",
            "Requests by route and status",
            requests.clone(),
        );
        let durations: Family<RouteLabel, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to its answer, by route",
            Unit::Seconds,
            durations.clone(),
        );
        let connections = Gauge::default();
        registry.register("http_connections", "Open connections", connections.clone());
        let streams = Gauge::default();
        registry.register("http_event_streams", "Open event streams", streams.clone());
        let body_bytes = Gauge::default();
        registry.register(
            "http_body_bytes",
            "Bytes of request bodies held, of --body-budget-bytes",
            body_bytes.clone(),
        );
        Self {
            requests: Cells::new(requests, RouteName::COUNT, STATUSES.len() + 1),
            durations: RouteName::ALL
                .iter()
                .map(|route| {
                    durations.get_or_create_owned(&RouteLabel {
                        route: route.template(),
                    })
                })
                .collect(),
            connections,
            streams,
            body_bytes,
        }
    }

    /// Counts an answered request.
    pub(crate) fn observe(&self, route: RouteName, status: StatusCode, took: Duration) {
        let column = STATUSES
            .iter()
            .position(|(code, _)| *code == status.as_u16())
            .unwrap_or(STATUSES.len());
        self.requests
            .increment(route as usize, column, || RequestLabels {
                route: route.template(),
                status: STATUSES.get(column).map_or("other", |(_, label)| label),
            });
        if let Some(histogram) = self.durations.get(route as usize) {
            histogram.observe(took.as_secs_f64());
        }
    }
}
