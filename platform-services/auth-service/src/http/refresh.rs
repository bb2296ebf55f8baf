use axum::extract::State;
use serde_json::{Map, Value};
use service_kit::http::{Form, Json, Problem, RequestContext};

use super::{
    Granted, Service,
    login::given,
    refusals::{Refusal, TooManyRefreshes, of_randomness, of_signing, of_users},
};
use crate::{
    secret,
    store::{Refused, Revoked, Rotation},
};

/// The account is asked before the token is used: when user-service is away, nothing is lost.
pub(super) async fn refresh(
    State(service): State<Service>,
    context: RequestContext,
    Json(body): Json<Map<String, Value>>,
) -> Result<Granted, Problem> {
    let mut form = Form::new(body);
    let token = form.text("refreshToken", given);
    form.finish()?;
    let found = match service.store.find_token(&token).await? {
        Ok(found) => found,
        Err(refused) => return Err(refuse(refused)),
    };
    let account = service.users.active(&found.user_id, &context).await;
    let account = account
        .map_err(of_users)?
        .filter(|account| account.credential_version == found.credential_version);
    let Some(account) = account else {
        // Locked, withdrawn, or with another password since.
        let session_id = &found.session_id;
        service
            .store
            .revoke_session(session_id, Revoked::Locked)
            .await?;
        return Err(refuse(Refused::Revoked));
    };
    // Before the old one is used up: should this fail, nothing is lost.
    let tokens = &service.tokens;
    let access_token = tokens
        .issue(&account.user_id, &account.roles)
        .map_err(of_signing)?;
    let new_token = secret::refresh_token().map_err(of_randomness)?;
    match service.store.rotate(&found, &token, &new_token).await? {
        Rotation::Done => Ok(Granted::new(tokens, access_token, Some(new_token))),
        Rotation::Refused(refused) => Err(refuse(refused)),
        Rotation::TooOften { wait_ms } => Err(TooManyRefreshes { wait_ms }.into()),
    }
}

fn refuse(refused: Refused) -> Problem {
    if refused == Refused::Reused {
        tracing::warn!("a refresh token came twice: its session is over");
    }
    Refusal::InvalidRefreshToken.into()
}
