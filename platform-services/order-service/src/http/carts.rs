use axum::{body::Bytes, extract::State, http::HeaderMap, http::StatusCode, response::Response};
use serde_json::{Value, json};
use service_kit::http::{Json, Path, Problem, RequestContext, auth::Principal};

use super::{
    accepted,
    body::{self, Body},
    person,
};
use crate::{cart::CartView, domain::Line, error::Error, refusal::Refusal, shop::Shop};

/// `GET /api/carts/me`
pub(super) async fn show(
    principal: Principal,
    State(shop): State<Shop>,
    context: RequestContext,
) -> Result<Json<CartView>, Problem> {
    let asker = person(&principal)?;
    Ok(Json(shop.cart(&asker.user_id, &context).await?))
}

/// `POST /api/carts/me/items`
pub(super) async fn add(
    principal: Principal,
    State(shop): State<Shop>,
    context: RequestContext,
    Json(value): Json<Value>,
) -> Result<Json<CartView>, Problem> {
    let asker = person(&principal)?;
    let line = Body::of(value)?.line()?;
    shop.add_to_cart(&asker.user_id, line, &context).await?;
    Ok(Json(shop.cart(&asker.user_id, &context).await?))
}

/// `PATCH /api/carts/me/items/{skuId}`
pub(super) async fn set(
    principal: Principal,
    State(shop): State<Shop>,
    Path(sku_id): Path<String>,
    context: RequestContext,
    Json(value): Json<Value>,
) -> Result<Json<CartView>, Problem> {
    let asker = person(&principal)?;
    let sku_id = known_id(sku_id)?;
    let quantity = Body::of(value)?.new_quantity()?;
    shop.set_in_cart(&asker.user_id, &Line { sku_id, quantity })
        .await?;
    Ok(Json(shop.cart(&asker.user_id, &context).await?))
}

/// `DELETE /api/carts/me/items/{skuId}`
pub(super) async fn remove(
    principal: Principal,
    State(shop): State<Shop>,
    Path(sku_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let asker = person(&principal)?;
    let sku_id = known_id(sku_id)?;
    shop.remove_from_cart(&asker.user_id, &sku_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/carts/me/items`
pub(super) async fn clear(
    principal: Principal,
    State(shop): State<Shop>,
) -> Result<StatusCode, Problem> {
    let asker = person(&principal)?;
    shop.clear_cart(&asker.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/carts/me/checkout`
pub(super) async fn checkout(
    principal: Principal,
    State(shop): State<Shop>,
    context: RequestContext,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asker = person(&principal)?;
    let (address_id, reservation_id) = Body::optional(&bytes)?.checkout()?;
    let key = body::key(&headers, &asker.user_id, || {
        json!(["checkout", address_id, reservation_id])
    })?;
    let placing = shop.checkout(&asker, address_id, reservation_id, key, &context);
    Ok(accepted(Box::pin(placing).await?))
}

/// What is no id is not in a cart.
fn known_id(sku_id: String) -> Result<String, Error> {
    if body::is_id(&sku_id) {
        Ok(sku_id)
    } else {
        Err(Refusal::CartItemNotFound(sku_id).into())
    }
}
