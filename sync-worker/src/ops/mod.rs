//! The ops port: health, metrics, and the two questions that support asks of MariaDB, what happened
//! to a stock (the audit log) and what a customer or an order holds.
//!
//! It reads; it never writes to either side.

mod auth;
mod health;
mod instants;
mod links;
pub(crate) mod logs;
mod metrics;
mod page;
mod query;
mod reservations;
pub(crate) mod shape;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Extension, Router,
    extract::Request,
    http::HeaderValue,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use inventory_core::ShardId;
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use service_kit::{
    audit::Asked,
    http::{self, Problem, RequestContext, Settings, X_REQUEST_ID, auth::Verifier},
    shutdown::Stop,
    telemetry::{self, Cause},
    tls::ServerTls,
};
use sqlx::MySqlPool;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

pub use self::links::Links;
use self::{
    auth::{LOG_READERS, RESERVATION_READERS, guarded},
    metrics::Metrics,
};
use crate::{
    limits::{DRAIN, OPS_QUERIES_IN_FLIGHT_MAX},
    status::Status,
};

/// What the ops port answers from.
#[derive(Debug, Clone)]
pub struct Ops {
    pool: MySqlPool,
    shard: ShardId,
    status: Arc<Status>,
    links: Links,
    /// Verifies tokens; none: nobody needs one.
    tokens: Option<Verifier>,
    tls: Option<ServerTls>,
    metrics: Arc<Metrics>,
    /// The pool's connections are the projection's first of all.
    queries: Arc<Semaphore>,
    draining: Arc<AtomicBool>,
}

impl Ops {
    /// Answers from `status`, which the worker keeps up to date, and from MariaDB, for a process
    /// that only projects.
    #[must_use]
    pub fn new(pool: MySqlPool, shard: ShardId, status: Arc<Status>) -> Self {
        Self::of_parts(
            pool,
            shard,
            status,
            Links::new(true, false, false),
            registry(),
        )
    }

    /// The same for a process with more parts, which keep `links` up to date and have their metrics
    /// in `registry`.
    #[must_use]
    pub fn of_parts(
        pool: MySqlPool,
        shard: ShardId,
        status: Arc<Status>,
        links: Links,
        registry: Registry,
    ) -> Self {
        let metrics = Metrics::new(registry, Arc::clone(&status), pool.clone());
        Self {
            metrics: Arc::new(metrics),
            pool,
            shard,
            status,
            links,
            tokens: None,
            tls: None,
            queries: Arc::new(Semaphore::new(OPS_QUERIES_IN_FLIGHT_MAX)),
            draining: Arc::default(),
        }
    }
}

impl Ops {
    /// Wants an access token for the audit log and the reservation query.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Option<Verifier>) -> Self {
        self.tokens = tokens;
        self
    }

    /// Serves TLS instead of plain connections, where there is a certificate.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<ServerTls>) -> Self {
        self.tls = tls;
        self
    }
}

/// The registry of the process: every name begins with `sync_worker_`.
#[must_use]
pub fn registry() -> Registry {
    service_kit::metrics::registry("sync_worker", env!("CARGO_PKG_VERSION"))
}

/// Serves until `stop`, then finishes what is under way, for [`DRAIN`] at most.
pub async fn serve(listener: TcpListener, ops: Ops, stop: CancellationToken) {
    let (draining, tls) = (Arc::clone(&ops.draining), ops.tls.clone());
    let told = async {
        stop.cancelled().await;
        draining.store(true, Ordering::Relaxed);
    };
    let settings = Settings {
        drain_timeout: DRAIN,
        ..Settings::default()
    };
    let stops = Stop {
        drain: stop.clone(),
        ..Stop::default()
    };
    let connections = Gauge::default();
    let serving = http::serve(listener, router(ops), settings, tls, &stops, connections);
    tokio::join!(told, serving);
}

fn router(ops: Ops) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::handle));
    let tokens = ops.tokens.clone();
    for prefix in ["/api", "/api/v1"] {
        let logs = Router::new().route(&format!("{prefix}/inventories/logs"), get(logs::handle));
        let held =
            Router::new().route(&format!("{prefix}/reservations"), get(reservations::handle));
        router = router
            .merge(guarded(logs, tokens.is_some(), LOG_READERS))
            .merge(guarded(held, tokens.is_some(), RESERVATION_READERS));
    }
    if let Some(tokens) = tokens {
        router = router.layer(Extension(tokens));
    }
    router
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || {
            Problem::method_not_allowed(Some(HeaderValue::from_static("GET, HEAD")))
        })
        .layer(middleware::from_fn(echo))
        .with_state(ops)
}

/// Gives every line the request's ids, the audit its line, and the answer the id.
async fn echo(mut context: RequestContext, mut request: Request, next: Next) -> Response {
    let route = format!("{} {}", request.method(), request.uri().path());
    let cause = Cause {
        traceparent: context.traceparent.as_deref(),
        ..Cause::default()
    };
    let method = request.method().as_str();
    let span = telemetry::request_span(method, &route, &context.request_id, cause);
    // What services ask is no news: the audit has administrators, and who is refused.
    context.asked = Asked::new(&route, request.uri().path(), false);
    request.extensions_mut().insert(context.clone());
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| {
        let status = response.status().as_u16();
        tracing::debug!(status, "answered");
        context.asked.answered(status, &context.request_id);
    });
    response
        .headers_mut()
        .insert(X_REQUEST_ID.clone(), context.header());
    response
}
