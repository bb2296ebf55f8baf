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
use prometheus_client::registry::Registry;
use service_kit::http::{Problem, RequestContext, X_REQUEST_ID, auth::Verifier};
use sqlx::MySqlPool;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

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
}

/// The registry of the process: every name begins with `sync_worker_`.
#[must_use]
pub fn registry() -> Registry {
    service_kit::metrics::registry("sync_worker", env!("CARGO_PKG_VERSION"))
}

/// Serves until `stop`, then finishes what is under way, for [`DRAIN`] at most.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    ops: Ops,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let draining = Arc::clone(&ops.draining);
    let asked = {
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            draining.store(true, Ordering::Relaxed);
        }
    };
    let serving = axum::serve(listener, router(ops)).with_graceful_shutdown(asked);
    let too_long = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => served,
        () = too_long => Ok(()),
    }
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

/// Puts the request's id on the answer.
async fn echo(context: RequestContext, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(X_REQUEST_ID.clone(), context.header());
    response
}
