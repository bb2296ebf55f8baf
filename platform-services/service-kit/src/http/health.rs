//! `GET /healthz`, `/readyz`, `/metrics`, `/openapi.json` and `/docs`

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::{BoxFuture, join_all};
use hyper::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DependencyLabel {
    dependency: &'static str,
}

/// Whether the dependencies answer, as `/readyz` would say.
#[derive(Debug, Clone)]
pub(super) struct DependencyMetrics(Family<DependencyLabel, Gauge>);

impl DependencyMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self(Family::default());
        let help = "1 while a dependency answers, asked for these metrics";
        registry.register("dependency_up", help, metrics.0.clone());
        metrics
    }

    async fn look(&self, checks: &[Check]) {
        for (dependency, answer) in ask(checks).await {
            self.0
                .get_or_create(&DependencyLabel { dependency })
                .set(i64::from(answer.is_ok()));
        }
    }
}

pub(super) fn routes(
    registry: Arc<Registry>,
    dependencies: DependencyMetrics,
    checks: Vec<Check>,
    openapi: Option<&'static str>,
    drain: CancellationToken,
) -> Router {
    let checks: Arc<[Check]> = checks.into();
    let asked = Arc::clone(&checks);
    let router = Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route(
            "/readyz",
            get(move || readyz(Arc::clone(&checks), drain.clone())),
        )
        .route(
            "/metrics",
            get(move || {
                let (registry, asked) = (Arc::clone(&registry), Arc::clone(&asked));
                let dependencies = dependencies.clone();
                async move {
                    dependencies.look(&asked).await;
                    let text = metrics::text(&registry);
                    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
                }
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
    const PAGE: &str = include_str!("../../../../docs/openapi.html");
    const POLICY: &str = include_str!("../../../../docs/openapi.csp");
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, PAGE).into_response()
}

/// Asks all at once.
async fn ask(checks: &[Check]) -> Vec<(&'static str, Result<(), String>)> {
    let asked = checks.iter().map(|check| async {
        let answer = tokio::time::timeout(CHECK_TIMEOUT, (check.ask)())
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()));
        (check.name, answer)
    });
    join_all(asked).await
}

/// Ready: every dependency answers, and nobody asked us to stop.
async fn readyz(checks: Arc<[Check]>, drain: CancellationToken) -> Response {
    let answers = ask(&checks).await;
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

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest as _, Sha256};

    /// The page runs its own script and none else.
    #[test]
    fn the_policy_of_the_page_names_its_script_and_its_style() {
        let page = include_str!("../../../../docs/openapi.html");
        let policy = include_str!("../../../../docs/openapi.csp");
        for (directive, open, close) in [
            ("script-src", "<script>", "</script>"),
            ("style-src", "<style>", "</style>"),
        ] {
            let (_, rest) = page.split_once(open).expect("one of it");
            let (text, _) = rest.split_once(close).expect("its end");
            let hash = STANDARD.encode(Sha256::digest(text));
            let allowed = format!("{directive} 'sha256-{hash}';");
            assert!(policy.contains(&allowed), "docs/openapi.csp: {allowed}");
        }
    }
}
