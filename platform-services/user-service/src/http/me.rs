use axum::extract::State;
use hyper::StatusCode;
use serde_json::{Map, Value};
use service_kit::http::{
    Form, Json, Problem, RequestContext,
    auth::{Principal, Role},
};

use super::Service;
use crate::{
    domain::{self, Account},
    store::ProfileChange,
};

/// Who has an account of their own.
pub(super) const PEOPLE: [Role; 2] = [Role::Customer, Role::Admin];

pub(super) async fn read(
    principal: Principal,
    State(service): State<Service>,
) -> Result<Json<Account>, Problem> {
    principal.require(&PEOPLE)?;
    Ok(Json(service.store.own_account(principal.subject()).await?))
}

pub(super) async fn change(
    principal: Principal,
    State(service): State<Service>,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Account>, Problem> {
    principal.require(&PEOPLE)?;
    let change = profile(body)?;
    let user_id = principal.subject();
    let changed = service.store.change_profile(user_id, change, false).await?;
    Ok(Json(changed))
}

pub(super) async fn withdraw(
    principal: Principal,
    State(service): State<Service>,
    context: RequestContext,
) -> Result<StatusCode, Problem> {
    principal.require(&PEOPLE)?;
    let user_id = principal.subject();
    service.store.withdraw(user_id, context.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is missing stays; a `phone` of `null` goes.
pub(super) fn profile(body: Map<String, Value>) -> Result<ProfileChange, Problem> {
    let mut form = Form::new(body);
    let name = if form.has("name") {
        Some(form.text("name", domain::name))
    } else {
        None
    };
    let phone = if form.has("phone") {
        Some(form.text_if_any("phone", domain::phone))
    } else {
        None
    };
    form.finish()?;
    Ok(ProfileChange { name, phone })
}
