//! Who may: looked at before the body is read.

use axum::{extract::FromRequestParts, http::request::Parts};
use service_kit::http::{
    Problem,
    auth::{Principal, Role},
};

/// An admin asks.
#[derive(Debug)]
pub(super) struct Admin;

/// Another service asks.
#[derive(Debug)]
pub(super) struct Service;

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        require(parts, state, Role::Admin).await.map(|()| Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        require(parts, state, Role::Service).await.map(|()| Self)
    }
}

async fn require<S: Send + Sync>(parts: &mut Parts, state: &S, role: Role) -> Result<(), Problem> {
    let principal = <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await?;
    principal.require(&[role])
}
