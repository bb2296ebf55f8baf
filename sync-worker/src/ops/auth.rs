//! Who may ask, with `--auth jwt`.

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    middleware::{Next, from_fn},
    response::Response,
};
use service_kit::http::{
    Problem,
    auth::{Principal, Role},
};

use super::Ops;

/// The audit log has names of customers and reasons.
pub(super) const LOG_READERS: &[Role] = &[Role::Admin];

/// Support asks what an order holds, and so do services.
pub(super) const RESERVATION_READERS: &[Role] = &[Role::Admin, Role::Service];

/// Lets only callers with one of the roles through to the routes, if tokens are wanted at all.
pub(super) fn guarded(routes: Router<Ops>, wanted: bool, roles: &'static [Role]) -> Router<Ops> {
    if !wanted {
        return routes;
    }
    routes.route_layer(from_fn(move |request: Request, next: Next| {
        guard(roles, request, next)
    }))
}

async fn guard(roles: &'static [Role], request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let principal =
        <Principal as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await?;
    principal.require(roles)?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}
