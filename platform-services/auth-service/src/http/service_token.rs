use axum::extract::{FromRequest as _, Request, State};
use hyper::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use service_kit::http::{Form, Json, Problem, auth::Role};

use super::{
    Granted, Service,
    login::given,
    refusals::{Refusal, of_signing},
};

const GRANT_TYPE: &str = "client_credentials";

/// Failures are not limited: secrets are long and random, guessing costs no hash worth the name, and
/// a limit would let anybody keep a service from its tokens.
pub(super) async fn issue(
    State(service): State<Service>,
    request: Request,
) -> Result<Granted, Problem> {
    let mut form = Form::new(fields(request).await?);
    let _: String = form.text("grantType", |text| {
        if text == GRANT_TYPE {
            Ok(text.to_owned())
        } else {
            Err(format!("must be {GRANT_TYPE}"))
        }
    });
    let id = form.text("clientId", given);
    let secret = form.text("clientSecret", given);
    form.finish()?;
    if !service.clients.verify(&id, &secret) {
        let client = service.clients.loggable(&id);
        tracing::warn!(client, "a client with a wrong id or secret");
        return Err(Refusal::InvalidClient.into());
    }
    let token = service.tokens.issue(&id, &[Role::Service]);
    let token = token.map_err(of_signing)?;
    Ok(Granted::new(&service.tokens, token, None))
}

/// JSON as everywhere, or the form of RFC 6749.
async fn fields(request: Request) -> Result<Map<String, Value>, Problem> {
    let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if !is_form {
        let Json(fields) = Json::<Map<String, Value>>::from_request(request, &()).await?;
        return Ok(fields);
    }
    let axum::Form(pairs) = axum::Form::<Vec<(String, String)>>::from_request(request, &())
        .await
        .map_err(|error| Problem::bad_request(error.body_text()))?;
    let named = pairs.into_iter().map(|(name, value)| {
        let name = match name.as_str() {
            "grant_type" => "grantType".to_owned(),
            "client_id" => "clientId".to_owned(),
            "client_secret" => "clientSecret".to_owned(),
            _ => name,
        };
        (name, Value::String(value))
    });
    Ok(named.collect())
}
