//! HTTP: who may ask what, and what is answered.

mod addresses;
mod admin;
mod internal;
mod me;
mod refusals;
mod register;

use axum::{
    Router,
    routing::{get, post, put},
};

use crate::{password::Passwords, store::Store};

/// The document at `/openapi.json`.
pub const OPENAPI: &str = include_str!("../../openapi.json");

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct Service {
    /// Accounts and addresses.
    pub store: Store,
    /// Hashes.
    pub passwords: Passwords,
}

/// All routes of this service.
pub fn routes(service: Service) -> Router {
    Router::new()
        .route("/api/users/register", post(register::register))
        .route(
            "/api/users/me",
            get(me::read).patch(me::change).delete(me::withdraw),
        )
        .route(
            "/api/users/me/addresses",
            get(addresses::list).post(addresses::add),
        )
        .route(
            "/api/users/me/addresses/{address_id}",
            put(addresses::replace).delete(addresses::delete),
        )
        .route("/api/users", get(admin::list))
        .route(
            "/api/users/{user_id}",
            get(admin::read).patch(admin::change),
        )
        .route("/api/users/{user_id}/lock", post(admin::lock))
        .route("/api/users/{user_id}/unlock", post(admin::unlock))
        .route("/internal/users/{user_id}", get(internal::user))
        .route(
            "/internal/users/{user_id}/addresses/{address_id}",
            get(internal::address),
        )
        .route("/internal/credentials/verify", post(internal::verify))
        .route("/internal/credentials/password", post(internal::password))
        .with_state(service)
}
