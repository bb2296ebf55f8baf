use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::http::{
    Json, Path, Problem, Query, RequestContext,
    auth::{Principal, Role},
};

use super::{Service, me::profile};
use crate::{
    domain::{self, Account, Status},
    limits::{PAGE_DEFAULT, PAGE_MAX},
    store::UserFilter,
};

#[derive(Deserialize)]
pub(super) struct Asked {
    email: Option<String>,
    status: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Users {
    users: Vec<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn list(
    principal: Principal,
    State(service): State<Service>,
    Query(asked): Query<Asked>,
) -> Result<Json<Users>, Problem> {
    principal.require(&[Role::Admin])?;
    let limit = match asked.limit.as_deref() {
        None => PAGE_DEFAULT,
        Some(text) => match text.parse() {
            Ok(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
            Ok(_) | Err(_) => {
                let reason = format!("must be a number from 1 to {PAGE_MAX}");
                return Err(Problem::invalid_field("limit", reason));
            }
        },
    };
    let status = asked.status.as_deref().map(|name| {
        Status::of_name(name)
            .ok_or_else(|| Problem::invalid_field("status", "must be ACTIVE, LOCKED or WITHDRAWN"))
    });
    let email = asked
        .email
        .as_deref()
        .map(|text| domain::email(text).map_err(|reason| Problem::invalid_field("email", reason)));
    if asked
        .cursor
        .as_deref()
        .is_some_and(|cursor| !cursor.is_ascii())
    {
        let reason = "must be the nextCursor of an earlier page";
        return Err(Problem::invalid_field("cursor", reason));
    }
    let filter = UserFilter {
        email: email.transpose()?,
        status: status.transpose()?,
        after: asked.cursor,
    };
    let mut users = service.store.accounts(&filter, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = users.len() > shown;
    users.truncate(shown);
    let last = users.last().filter(|_| more);
    let next_cursor = last.map(|last| last.user_id.clone());
    Ok(Json(Users { users, next_cursor }))
}

pub(super) async fn read(
    principal: Principal,
    State(service): State<Service>,
    Path(user_id): Path<String>,
) -> Result<Json<Account>, Problem> {
    principal.require(&[Role::Admin])?;
    Ok(Json(service.store.account(&user_id).await?))
}

pub(super) async fn change(
    principal: Principal,
    State(service): State<Service>,
    Path(user_id): Path<String>,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Account>, Problem> {
    principal.require(&[Role::Admin])?;
    let change = profile(body)?;
    let changed = service.store.change_profile(&user_id, change, true).await?;
    tracing::info!(
        user_id,
        admin = principal.subject(),
        "profile changed by an admin"
    );
    Ok(Json(changed))
}

pub(super) async fn lock(
    principal: Principal,
    State(service): State<Service>,
    context: RequestContext,
    Path(user_id): Path<String>,
) -> Result<Json<Account>, Problem> {
    principal.require(&[Role::Admin])?;
    let locked = service.store.lock(&user_id, context.into()).await?;
    tracing::info!(user_id, admin = principal.subject(), "account locked");
    Ok(Json(locked))
}

pub(super) async fn unlock(
    principal: Principal,
    State(service): State<Service>,
    Path(user_id): Path<String>,
) -> Result<Json<Account>, Problem> {
    principal.require(&[Role::Admin])?;
    let unlocked = service.store.unlock(&user_id).await?;
    tracing::info!(user_id, admin = principal.subject(), "account unlocked");
    Ok(Json(unlocked))
}
