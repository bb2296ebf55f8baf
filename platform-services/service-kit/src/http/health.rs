//! `GET /healthz`, `/readyz`, `/metrics`, `/openapi.json` and `/docs`

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::{BoxFuture, join_all};
use hyper::StatusCode;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::Json;
use crate::metrics;

/// How long a dependency has to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Ask = dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// A dependency and how to ask it.
#[derive(Clone)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) ask: Arc<Ask>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish()
    }
}

pub(super) fn routes(
    registry: Arc<Registry>,
    checks: Vec<Check>,
    openapi: Option<&'static str>,
    drain: CancellationToken,
) -> Router {
    let checks: Arc<[Check]> = checks.into();
    let router = Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route(
            "/readyz",
            get(move || readyz(Arc::clone(&checks), drain.clone())),
        )
        .route(
            "/metrics",
            get(move || {
                let text = metrics::text(&registry);
                async move { ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text) }
            }),
        );
    match openapi {
        None => router,
        Some(document) => router
            .route(
                "/openapi.json",
                get(move || async move { ([(CONTENT_TYPE, "application/json")], document) }),
            )
            .route("/docs", get(docs)),
    }
}

async fn docs() -> Response {
    const PAGE: &str = include_str!("docs.html");
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

/// Ready: every dependency answers, and nobody asked us to stop.
async fn readyz(checks: Arc<[Check]>, drain: CancellationToken) -> Response {
    let asked = checks.iter().map(|check| async {
        let answer = tokio::time::timeout(CHECK_TIMEOUT, (check.ask)())
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()));
        (check.name, answer)
    });
    let answers = join_all(asked).await;
    let draining = drain.is_cancelled();
    let ready = !draining && answers.iter().all(|(_, answer)| answer.is_ok());
    let dependencies: Map<String, Value> = answers
        .into_iter()
        .map(|(name, answer)| {
            let state = match answer {
                Ok(()) => json!({"status": "up"}),
                Err(detail) => json!({"status": "down", "detail": detail}),
            };
            (name.to_owned(), state)
        })
        .collect();
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "dependencies": dependencies,
        "draining": draining,
    });
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}
