use std::{collections::HashSet, sync::Arc, time::Duration};

use axum::{
    Router, extract::DefaultBodyLimit, middleware::from_fn_with_state, response::IntoResponse as _,
};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tls::ServerTls;
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

/// Header fields of one request; more are answered 431.
pub const HEADERS_MAX: usize = 64;

/// Bytes of one request's head; more are answered 431.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Requests of one HTTP/2 connection that are worked on at once.
pub const H2_STREAMS_MAX: u32 = 100;

/// Limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Time in which a request is answered, from its head; then 504 `OUTCOME_UNKNOWN`.
    pub request_timeout: Duration,
    /// Time in which a request's head must arrive, from its first byte; then the connection is closed.
    pub header_timeout: Duration,
    /// Time in which a request's body must arrive, from its head; then 400. Less than `request_timeout`, so
    /// that what was never asked is not called unknown.
    pub body_timeout: Duration,
    /// Time in which a client must take something of what is written for it; then the connection is closed.
    pub write_timeout: Duration,
    /// How long a connection may do nothing: shorter than what clients keep theirs for, longer than their
    /// pauses.
    pub idle_timeout: Duration,
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
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(8),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
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
    tls: Option<ServerTls>,
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
            tls: None,
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

    /// Serves TLS instead of plain connections, where there is a certificate; its end is among the metrics.
    #[must_use]
    pub fn tls(mut self, tls: Option<ServerTls>) -> Self {
        if let Some(tls) = &tls {
            tls.register(&mut self.registry);
        }
        self.tls = tls;
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
            body_timeout: settings.body_timeout,
            staff_only: Arc::new(self.openapi.map(staff_only).unwrap_or_default()),
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
        let tls = self.tls.clone();
        let router = self.router(routes, settings, stop.drain.clone());
        server::serve(listener, router, settings, tls, stop, connections).await;
        telemetry::flush().await;
    }
}

/// The operations of an OpenAPI document, as [`nameless`] routes, that have roles (`x-roles`) of which none is
/// a customer's.
fn staff_only(document: &str) -> HashSet<String> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let item = item.as_object().into_iter().flatten();
        item.map(move |(method, operation)| (method, path, &operation["x-roles"]))
    });
    let staff_only = operations.filter(|(_, _, roles)| {
        let roles = roles.as_array().map(Vec::as_slice).unwrap_or_default();
        roles.iter().any(|role| role == "ADMIN") && !roles.iter().any(|role| role == "CUSTOMER")
    });
    staff_only
        .map(|(method, path, _)| nameless(&format!("{} {path}", method.to_ascii_uppercase())))
        .collect()
}

/// A route without the names of its parameters, which are the document's there and the router's here.
pub(super) fn nameless(route: &str) -> String {
    let mut parts = route.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (_, rest) = part.split_once('}').unwrap_or(("", ""));
        text + "{}" + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_customers_may_is_not_for_the_staff_only() {
        let document = r#"{"paths": {
            "/a/{id}": {"get": {"x-roles": ["ADMIN"]}, "post": {"x-roles": ["CUSTOMER", "ADMIN"]}},
            "/b": {"parameters": [], "get": {"x-roles": []}, "put": {"x-roles": ["SERVICE", "ADMIN"]}},
            "/c": {"get": {}, "post": {"x-roles": ["SERVICE"]}}}}"#;
        let expected = ["GET /a/{}", "PUT /b"].map(ToOwned::to_owned);
        assert_eq!(staff_only(document), HashSet::from(expected));
        assert_eq!(nameless("PUT /a/{x_y}/b/{z}"), "PUT /a/{}/b/{}");
    }
}
