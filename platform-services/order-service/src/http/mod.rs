//! The routes. A handler reads the request, calls a use case and writes the answer.

mod body;
mod carts;
mod orders;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use service_kit::http::{
    Json, Problem,
    auth::{Principal, Role},
};

use crate::shop::{Asker, Outcome, Shop};

/// The OpenAPI document.
pub const OPENAPI: &str = include_str!("../../openapi.json");

/// Tells that an answer is that of an earlier request.
const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

/// All routes of the service.
pub(crate) fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/api/orders", post(orders::place).get(orders::list))
        .route("/api/orders/{orderId}", get(orders::detail))
        .route("/api/orders/{orderId}/cancel", post(orders::cancel))
        .route("/api/orders/{orderId}/refund", post(orders::refund))
        .route("/api/carts/me", get(carts::show))
        .route("/api/carts/me/items", post(carts::add).delete(carts::clear))
        .route(
            "/api/carts/me/items/{skuId}",
            patch(carts::set).delete(carts::remove),
        )
        .route("/api/carts/me/checkout", post(carts::checkout))
        .with_state(shop)
}

/// A person: who shops, or an admin.
fn person(principal: &Principal) -> Result<Asker, Problem> {
    principal.require(&[Role::Customer, Role::Admin])?;
    asker(principal)
}

/// Anybody who may look at orders: a person at theirs, services and admins at all.
fn reader(principal: &Principal) -> Result<Asker, Problem> {
    principal.require(&[Role::Customer, Role::Service, Role::Admin])?;
    let sees_all = principal.has(Role::Admin) || principal.has(Role::Service);
    Ok(Asker {
        sees_all,
        ..asker(principal)?
    })
}

fn asker(principal: &Principal) -> Result<Asker, Problem> {
    let user_id = principal.subject().to_owned();
    if !body::is_id(&user_id) {
        return Err(Problem::forbidden(
            "the token's subject is no user id that this service knows",
        ));
    }
    Ok(Asker {
        user_id,
        sees_all: principal.has(Role::Admin),
    })
}

/// 202 the order, or 200 when it came of an earlier request.
fn accepted(outcome: Outcome) -> Response {
    let order = Json(outcome.order);
    if outcome.replayed {
        (StatusCode::OK, [(IDEMPOTENT_REPLAYED, "true")], order).into_response()
    } else {
        (StatusCode::ACCEPTED, order).into_response()
    }
}
