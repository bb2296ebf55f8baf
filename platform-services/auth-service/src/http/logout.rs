use axum::{body::Bytes, extract::State};
use hyper::StatusCode;
use serde_json::{Map, Value};
use service_kit::http::{Form, Problem, auth::Principal};

use super::{Service, login::given};
use crate::store::Revoked;

/// With a refresh token: ends its session, whoever asks, whatever it is worth. Without: ends every
/// session of who asks.
pub(super) async fn logout(
    principal: Option<Principal>,
    State(service): State<Service>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let fields: Map<String, Value> = if body.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the body: {error}")))?
    };
    let mut form = Form::new(fields);
    let token = form.text_if_any("refreshToken", given);
    form.finish()?;
    match (token, principal) {
        (Some(token), _) => {
            service
                .store
                .revoke_session_of_token(&token, Revoked::Logout)
                .await?;
        }
        (None, Some(principal)) => {
            service
                .store
                .revoke_user(principal.subject(), Revoked::Logout)
                .await?;
        }
        (None, None) => {
            return Err(Problem::unauthenticated(
                "send the refreshToken of the session to end, or an access token to end all sessions",
            ));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
