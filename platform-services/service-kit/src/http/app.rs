use std::{sync::Arc, time::Duration};

use axum::{
    Router, extract::DefaultBodyLimit, middleware::from_fn_with_state, response::IntoResponse as _,
};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Problem,
    health::{self, Check, DependencyMetrics},
    layer::{Around, around},
    metrics::HttpMetrics,
    server,
};
use crate::{shutdown::Stop, telemetry};

/// Limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Time in which a request is answered, from its head; then 504 `OUTCOME_UNKNOWN`.
    pub request_timeout: Duration,
    /// Time in which a request's head must arrive; also how long a connection may idle.
    pub header_timeout: Duration,
    /// Open connections; more wait to be accepted.
    pub connections_max: usize,
    /// Time that requests under way get after the stop.
    pub drain_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 * 1024,
            request_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(75),
            connections_max: 4096,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// A service over HTTP: its routes and what every service has around them.
#[derive(Debug)]
pub struct App {
    registry: Registry,
    metrics: HttpMetrics,
    dependencies: DependencyMetrics,
    checks: Vec<Check>,
    openapi: Option<&'static str>,
    #[cfg(feature = "auth")]
    verifier: Option<access_token::Verifier>,
}

impl App {
    /// With every metric of the service registered; those of HTTP are added.
    #[must_use]
    pub fn new(mut registry: Registry) -> Self {
        Self {
            metrics: HttpMetrics::register(&mut registry),
            dependencies: DependencyMetrics::register(&mut registry),
            registry,
            checks: Vec::new(),
            openapi: None,
            #[cfg(feature = "auth")]
            verifier: None,
        }
    }

    /// A dependency that `/readyz` and `/metrics` ask: not ready while it answers an error, or nothing
    /// for 2 s.
    #[must_use]
    pub fn check<F, A>(mut self, name: &'static str, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push(Check {
            name,
            ask: Arc::new(move || Box::pin(ask())),
        });
        self
    }

    /// The OpenAPI 3.1 document, served at `/openapi.json` and, for people, at `/docs`.
    #[must_use]
    pub fn openapi(mut self, document: &'static str) -> Self {
        self.openapi = Some(document);
        self
    }

    /// Who verifies the tokens of requests: what [`super::auth::Principal`] asks.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn auth(mut self, verifier: access_token::Verifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// All routes with everything around them; `/readyz` says 503 once `drain` is cancelled.
    pub fn router(self, routes: Router, settings: Settings, drain: CancellationToken) -> Router {
        let state = Around {
            metrics: self.metrics,
            request_timeout: settings.request_timeout,
            body_bytes_max: settings.body_bytes_max,
        };
        let registry = Arc::new(self.registry);
        #[cfg(feature = "auth")]
        let routes = match self.verifier {
            Some(verifier) => routes.layer(axum::Extension(verifier)),
            None => routes,
        };
        routes
            .merge(health::routes(
                registry,
                self.dependencies,
                self.checks,
                self.openapi,
                drain,
            ))
            .fallback(|| async { Problem::no_such_path().into_response() })
            .layer(DefaultBodyLimit::max(settings.body_bytes_max))
            .layer(from_fn_with_state(state, around))
    }

    /// Serves until told to stop; then takes no new connection, lets requests under way end within
    /// the drain's time, and cuts what is left.
    pub async fn serve(
        self,
        listener: TcpListener,
        routes: Router,
        settings: Settings,
        stop: &Stop,
    ) {
        let connections = self.metrics.connections.clone();
        let router = self.router(routes, settings, stop.drain.clone());
        server::serve(listener, router, settings, stop, connections).await;
        telemetry::flush().await;
    }
}
