use axum::{
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::{
    http::{Json, Path, Problem, Query, RequestContext, auth::Principal},
    telemetry,
};

use super::{
    accepted,
    body::{self, Body},
    person, reader,
};
use crate::{
    error::Error,
    limits::{PAGE_DEFAULT, PAGE_MAX},
    refusal::Refusal,
    shop::Shop,
    tables,
    view::{OrderView, SummaryView},
};

/// `POST /api/orders`
pub(super) async fn place(
    principal: Principal,
    State(shop): State<Shop>,
    context: RequestContext,
    headers: HeaderMap,
    Json(value): Json<Value>,
) -> Result<Response, Problem> {
    let asker = person(&principal)?;
    let wanted = Body::of(value)?.wanted()?;
    let key = body::key(&headers, &asker.user_id, || wanted.request())?;
    let outcome = Box::pin(shop.place(&asker, wanted, key, &context)).await?;
    Ok(accepted(outcome))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageQuery {
    cursor: Option<String>,
    limit: Option<u32>,
    /// Of whom; for admins.
    user_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    orders: Vec<SummaryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /api/orders`
pub(super) async fn list(
    principal: Principal,
    State(shop): State<Shop>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asker = person(&principal)?;
    let user_id = match query.user_id {
        None => asker.user_id,
        Some(user_id) if user_id == asker.user_id => user_id,
        Some(_) if !asker.sees_all => {
            return Err(Problem::forbidden("this needs the role ADMIN"));
        }
        Some(user_id) if body::is_id(&user_id) => user_id,
        Some(_) => return Err(Problem::invalid_field("userId", "is no user id")),
    };
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        let reason = format!("must be from 1 to {PAGE_MAX}");
        return Err(Problem::invalid_field("limit", reason));
    }
    if query.cursor.as_deref().is_some_and(|it| !body::is_id(it)) {
        let reason = "must be the nextCursor of an earlier page";
        return Err(Problem::invalid_field("cursor", reason));
    }
    let mut connection = shop.pool.acquire().await?;
    let cursor = query.cursor.as_deref();
    // One more tells whether there is a next page.
    let mut rows = tables::orders::page(&mut connection, &user_id, cursor, limit + 1).await?;
    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .map(|order| order.order_id.clone());
    let orders = rows
        .iter()
        .map(SummaryView::new)
        .collect::<Result<_, _>>()?;
    Ok(Json(Page {
        orders,
        next_cursor,
    })
    .into_response())
}

/// `GET /api/orders/{orderId}`
pub(super) async fn detail(
    principal: Principal,
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
) -> Result<Json<OrderView>, Problem> {
    let asker = reader(&principal)?;
    telemetry::correlate(&order_id);
    Ok(Json(shop.order(&asker, known_id(&order_id)?).await?))
}

/// `POST /api/orders/{orderId}/cancel`
pub(super) async fn cancel(
    principal: Principal,
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
    context: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asker = person(&principal)?;
    let order_id = known_id(&order_id)?;
    telemetry::correlate(order_id);
    let key = body::key(&headers, &asker.user_id, || json!(["cancel", order_id]))?;
    Ok(accepted(
        shop.cancel(&asker, order_id, key, &context).await?,
    ))
}

/// `POST /api/orders/{orderId}/refund`
pub(super) async fn refund(
    principal: Principal,
    State(shop): State<Shop>,
    Path(order_id): Path<String>,
    context: RequestContext,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asker = person(&principal)?;
    let order_id = known_id(&order_id)?;
    telemetry::correlate(order_id);
    let wanted = Body::optional(&bytes)?.refund()?;
    let key = body::key(&headers, &asker.user_id, || {
        let lines = wanted.lines.as_ref().map(|lines| {
            let mut lines: Vec<_> = lines.iter().map(|it| (&it.sku_id, it.quantity)).collect();
            lines.sort_unstable();
            lines
        });
        json!(["refund", order_id, lines, wanted.reason])
    })?;
    let outcome = shop
        .refund(&asker, order_id, &wanted, key, &context)
        .await?;
    Ok(accepted(outcome))
}

/// What is no id is no order either.
fn known_id(order_id: &str) -> Result<&str, Error> {
    if body::is_id(order_id) {
        Ok(order_id)
    } else {
        Err(Refusal::OrderNotFound.into())
    }
}
