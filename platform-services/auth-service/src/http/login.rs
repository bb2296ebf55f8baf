use axum::extract::State;
use serde_json::{Map, Value};
use service_kit::http::{Form, Json, Problem, RequestContext};

use super::{
    Granted, Service,
    refusals::{Refusal, of_randomness, of_signing, of_users},
};
use crate::{
    attempts::Attempt,
    caller::Caller,
    secret,
    store::{LoginOutcome, NewLogin, NewSession},
    users::Verdict,
};

pub(super) async fn login(
    State(service): State<Service>,
    caller: Caller,
    context: RequestContext,
    Json(body): Json<Map<String, Value>>,
) -> Result<Granted, Problem> {
    let mut form = Form::new(body);
    let email = form.text("email", given);
    let password = form.text("password", given);
    form.finish()?;
    let attempt = Attempt::new(&email, &caller.counted_by());
    service.attempts.check(&attempt).await?;
    let verdict = service.users.verify(&email, &password, &context).await;
    let noted = |user_id: Option<String>, outcome: LoginOutcome| NewLogin {
        user_id,
        email: email.clone(),
        address: caller.address.to_string(),
        user_agent: caller.user_agent.clone(),
        outcome,
    };
    match verdict.map_err(of_users)? {
        Verdict::Wrong { user_id } => {
            service.attempts.failed(&attempt).await?;
            let login = noted(user_id, LoginOutcome::InvalidCredentials);
            service.store.note_login(&login).await?;
            Err(Refusal::InvalidCredentials.into())
        }
        Verdict::Locked { user_id } => {
            service.attempts.succeeded(&attempt).await?;
            let login = noted(Some(user_id), LoginOutcome::AccountLocked);
            service.store.note_login(&login).await?;
            Err(Refusal::AccountLocked.into())
        }
        Verdict::Right(account) => {
            service.attempts.succeeded(&attempt).await?;
            let tokens = &service.tokens;
            let access_token = tokens
                .issue(&account.user_id, &account.roles)
                .map_err(of_signing)?;
            let session = NewSession {
                user_id: account.user_id.clone(),
                credential_version: account.credential_version,
                refresh_token: secret::refresh_token().map_err(of_randomness)?,
            };
            let login = noted(Some(account.user_id), LoginOutcome::Success);
            service.store.begin_session(&session, &login).await?;
            Ok(Granted::new(
                tokens,
                access_token,
                Some(session.refresh_token),
            ))
        }
    }
}

pub(super) fn given(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("must not be empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
