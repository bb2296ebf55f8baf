//! What is done around every request.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    Problem, RequestContext, X_REQUEST_ID, app::nameless, metrics::HttpMetrics,
    problem::CONTENT_TYPE_PROBLEM, timed_body::TimedBody,
};
use crate::{
    audit::{self, Asked},
    telemetry::{self, Cause},
    trace_context,
};

/// The route of requests that no route answers.
const UNMATCHED: &str = "unmatched";

/// Longest text of another layer's refusal that becomes a problem's detail, in bytes.
const DETAIL_BYTES_MAX: usize = 4096;

#[derive(Debug, Clone)]
pub(super) struct Around {
    pub(super) metrics: HttpMetrics,
    pub(super) request_timeout: Duration,
    pub(super) body_bytes_max: usize,
    pub(super) body_timeout: Duration,
    /// The operations, as [`nameless`] routes, that only some of the staff may ask for.
    pub(super) staff_only: Arc<HashSet<String>>,
}

pub(super) async fn around(
    State(around): State<Around>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let mut context = RequestContext::of(request.headers());
    let route = format!(
        "{} {}",
        method(&request),
        request
            .extensions()
            .get::<MatchedPath>()
            .map_or(UNMATCHED, MatchedPath::as_str)
    );
    if context.traceparent.is_none() && !telemetry::is_collecting() {
        context.traceparent = Some(trace_context::unrecorded());
    }
    let cause = Cause {
        traceparent: context.traceparent.as_deref(),
        ..Cause::default()
    };
    let span = telemetry::request_span(
        request.method().as_str(),
        &route,
        &context.request_id,
        cause,
    );
    if let Some(current) = telemetry::traceparent(&span) {
        context.traceparent = Some(current);
    }
    let staff_only = around.staff_only.contains(&nameless(&route));
    context.asked = Asked::new(&route, request.uri().path(), staff_only);
    request.extensions_mut().insert(context.clone());
    let in_flight = InFlight::begin(&around.metrics);
    let request = request.map(|body| TimedBody::within(around.body_timeout, body));
    let answering = answer(&around, request, next);
    #[cfg(feature = "db")]
    let answering = audit::scope(context.clone(), answering);
    let mut response = answering.instrument(span.clone()).await;
    drop(in_flight);
    span.in_scope(|| {
        let status = response.status().as_u16();
        tracing::debug!(status, took_ms = started.elapsed().as_millis(), "answered");
        context.asked.answered(status, &context.request_id);
    });
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID.clone(), context.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A refusal now is none for later, or for others.
    if refused {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    around
        .metrics
        .observe(&route, response.status(), started.elapsed());
    response
}

/// Methods are few; what a client makes up is one of them.
fn method(request: &Request) -> &str {
    match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "OTHER",
    }
}

/// Counts down also when the client goes away and the request is dropped.
struct InFlight(prometheus_client::metrics::gauge::Gauge);

impl InFlight {
    fn begin(metrics: &HttpMetrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics.in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn answer(around: &Around, request: Request, next: Next) -> Response {
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(around.request_timeout, handled).await {
        Ok(Ok(response)) => as_problem(response, around.body_bytes_max).await,
        Ok(Err(panic)) => {
            let reason = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!(reason, "a handler panicked");
            Problem::internal().into_response()
        }
        Err(_) => {
            tracing::warn!("a request took too long");
            Problem::outcome_unknown().into_response()
        }
    }
}

/// Makes a problem of a refusal that some other layer answered as plain text.
async fn as_problem(response: Response, body_bytes_max: usize) -> Response {
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(CONTENT_TYPE_PROBLEM.as_bytes()));
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    // `/readyz` refuses with JSON of its own.
    if !refused || is_json || (is_problem && status != StatusCode::PAYLOAD_TOO_LARGE) {
        return response;
    }
    let allow = response.headers().get(ALLOW).cloned();
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::no_such_path(),
        StatusCode::METHOD_NOT_ALLOWED => Problem::method_not_allowed(allow),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::body_too_large(body_bytes_max),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::unsupported_media_type(),
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(),
        other => {
            let text = Limited::new(response.into_body(), DETAIL_BYTES_MAX)
                .collect()
                .await
                .map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned())
                .unwrap_or_default();
            if other == StatusCode::BAD_REQUEST {
                Problem::bad_request(text)
            } else {
                Problem::of_status(other, text)
            }
        }
    };
    problem.into_response()
}
