use axum::extract::State;
use serde::{Deserialize, Serialize};
use service_kit::http::{
    Json, Problem, Query,
    auth::{Principal, Role},
};

use super::Service;
use crate::{
    limits::{PAGE_DEFAULT, PAGE_MAX},
    store::{Login, LoginFilter},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    user_id: Option<String>,
    email: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logins {
    logins: Vec<Login>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn list(
    principal: Principal,
    State(service): State<Service>,
    Query(asked): Query<Asked>,
) -> Result<Json<Logins>, Problem> {
    principal.require(&[Role::Admin])?;
    let limit = match asked.limit.as_deref().map(str::parse) {
        None => PAGE_DEFAULT,
        Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
        Some(Ok(_) | Err(_)) => {
            let reason = format!("must be a number from 1 to {PAGE_MAX}");
            return Err(Problem::invalid_field("limit", reason));
        }
    };
    let before = asked.cursor.as_deref().map(str::parse::<u64>).transpose();
    let before = before.map_err(|_| {
        Problem::invalid_field("cursor", "must be the nextCursor of an earlier page")
    })?;
    if asked.user_id.as_deref().is_some_and(|id| !id.is_ascii()) {
        return Err(Problem::invalid_field("userId", "must be the id of a user"));
    }
    let filter = LoginFilter {
        user_id: asked.user_id,
        email: asked.email,
        before,
    };
    let mut logins = service.store.logins(&filter, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = logins.len() > shown;
    logins.truncate(shown);
    let last = logins.last().filter(|_| more);
    let next_cursor = last.map(|last| last.login_id.to_string());
    Ok(Json(Logins {
        logins,
        next_cursor,
    }))
}
