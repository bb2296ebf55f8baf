use axum::extract::State;
use hyper::StatusCode;
use serde_json::{Map, Value};
use service_kit::{
    client::ClientError,
    http::{
        Form, Json, Problem, RequestContext,
        auth::{Principal, Role},
    },
};

use super::{
    Service,
    login::given,
    refusals::{Refusal, of_users},
};
use crate::{attempts::Attempt, caller::Caller, store::Revoked, users::PasswordChange};

/// Counts wrong old passwords as logins do: a stolen access token does not give the password away.
/// In front of the call, since a right one has changed the password when we hear of it.
pub(super) async fn change(
    principal: Principal,
    State(service): State<Service>,
    caller: Caller,
    context: RequestContext,
    Json(body): Json<Map<String, Value>>,
) -> Result<StatusCode, Problem> {
    principal.require(&[Role::Customer, Role::Admin])?;
    let mut form = Form::new(body);
    let old = form.text("oldPassword", given);
    let new = form.text("newPassword", given);
    form.finish()?;
    let user_id = principal.subject();
    let attempt = Attempt::new(user_id, &caller.counted_by());
    service.attempts.begin(&attempt).await?;
    let changed = service
        .users
        .change_password(user_id, &old, &new, &context)
        .await;
    match changed {
        Ok(PasswordChange::Done) => service.attempts.undo(&attempt).await,
        Ok(PasswordChange::Wrong) => return Err(Refusal::InvalidCredentials.into()),
        // Perhaps it was looked at: it stays counted.
        Err(error @ ClientError::Unknown { .. }) => return Err(refusal(error)),
        Err(error @ (ClientError::Refused { .. } | ClientError::Unavailable { .. })) => {
            service.attempts.undo(&attempt).await;
            return Err(refusal(error));
        }
    }
    // Sessions of the old password are over anyway, at their next refresh; so they are over now.
    service
        .store
        .revoke_user(user_id, Revoked::Password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refusal(error: ClientError) -> Problem {
    match (error.code(), error.remote()) {
        ("ACCOUNT_LOCKED", _) => Refusal::AccountLocked.into(),
        ("UNKNOWN_USER" | "ACCOUNT_WITHDRAWN", _) => {
            Problem::unauthenticated("this account is gone; register again")
        }
        // The new password does not do: user-service says why.
        ("INVALID_REQUEST", Some(remote)) => {
            let problem = Problem::bad_request(remote.detail.clone());
            match remote.fields.get("errors") {
                Some(errors) => problem.with("errors", errors),
                None => problem,
            }
        }
        _ => of_users(error),
    }
}
