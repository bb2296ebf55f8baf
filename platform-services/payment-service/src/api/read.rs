use axum::extract::State;
use serde::{Deserialize, Serialize};
use service_kit::http::{
    Json, Path, Problem, Query,
    auth::{Principal, Role},
};

use super::{Api, check_order_id, check_payment_id, view::PaymentView};
use crate::{
    refusal::Refusal,
    store::{self, Payment},
};

/// `?orderId=`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ByOrder {
    order_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Page {
    payments: Vec<PaymentView>,
}

pub(super) async fn by_id(
    State(api): State<Api>,
    principal: Principal,
    Path(payment_id): Path<String>,
) -> Result<Json<PaymentView>, Problem> {
    principal.require(&Role::ALL)?;
    check_payment_id(&payment_id)?;
    let found = store::by_id(&api.payments.pool, &payment_id).await?;
    shown(&api, &principal, found).await.map(Json)
}

pub(super) async fn by_order(
    State(api): State<Api>,
    principal: Principal,
    query: Result<Query<ByOrder>, Problem>,
) -> Result<Json<Page>, Problem> {
    principal.require(&Role::ALL)?;
    let Query(query) = query?;
    check_order_id(&query.order_id)?;
    let found = store::by_order(&api.payments.pool, &query.order_id).await?;
    let payments = vec![shown(&api, &principal, found).await?];
    Ok(Json(Page { payments }))
}

/// What there is for who asks: their own, or all for the shop's own people and services.
async fn shown(
    api: &Api,
    principal: &Principal,
    found: Option<Payment>,
) -> Result<PaymentView, Problem> {
    let sees_all = principal.has(Role::Admin) || principal.has(Role::Service);
    let theirs = found
        .filter(|payment| sees_all || payment.user_id.as_deref() == Some(principal.subject()))
        .ok_or(Refusal::NotFound)?;
    let view = PaymentView::read(&api.payments, theirs).await?;
    Ok(view.ok_or(Refusal::NotFound)?)
}
