//! HTTP: who may ask what, and what is answered.

mod login;
mod logins;
mod logout;
mod password;
mod refresh;
mod refusals;
mod service_token;

use std::sync::Arc;

use axum::{
    Router,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use service_kit::http::Json;

use crate::{
    attempts::Attempts, caller::Network, clients::Clients, keys::Keys,
    limits::JWKS_MAX_AGE_SECONDS, store::Store, tokens::Tokens, users::Users,
};

/// The document at `/openapi.json`.
pub const OPENAPI: &str = include_str!("../../openapi.json");

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct Service {
    /// Sessions and logins.
    pub store: Store,
    /// Accounts.
    pub users: Users,
    /// Access tokens.
    pub tokens: Tokens,
    /// Their keys.
    pub keys: Keys,
    /// Failures.
    pub attempts: Arc<Attempts>,
    /// Services with secrets.
    pub clients: Arc<Clients>,
    /// Who may say where a request comes from.
    pub trusted_proxies: Arc<[Network]>,
}

/// All routes of this service.
pub fn routes(service: Service) -> Router {
    Router::new()
        .route("/api/auth/login", post(login::login))
        .route("/api/auth/refresh", post(refresh::refresh))
        .route("/api/auth/logout", post(logout::logout))
        .route("/api/auth/password", post(password::change))
        .route("/api/auth/token", post(service_token::issue))
        .route("/api/auth/logins", get(logins::list))
        .route("/.well-known/jwks.json", get(jwks))
        .with_state(service)
}

async fn jwks(axum::extract::State(service): axum::extract::State<Service>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (
            CACHE_CONTROL,
            format!("public, max-age={JWKS_MAX_AGE_SECONDS}"),
        ),
    ];
    (headers, service.keys.jwks()).into_response()
}

/// What a login, a refresh or a service gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
}

impl Granted {
    fn new(tokens: &Tokens, access_token: String, refresh_token: Option<String>) -> Self {
        Self {
            access_token,
            refresh_token,
            token_type: "Bearer",
            expires_in: tokens.lifetime().as_secs(),
        }
    }
}

impl IntoResponse for Granted {
    /// Nobody on the way may keep it (RFC 6749, 5.1).
    fn into_response(self) -> Response {
        let headers = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
        (headers, Json(self)).into_response()
    }
}
