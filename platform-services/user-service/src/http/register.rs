use axum::extract::State;
use hyper::{StatusCode, header::LOCATION};
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::http::{Form, Json, Problem, RequestContext, auth::Role};

use super::Service;
use crate::{
    domain,
    store::{NewAccount, Refusal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered {
    user_id: String,
    email: String,
    name: String,
}

pub(super) async fn register(
    State(service): State<Service>,
    context: RequestContext,
    Json(body): Json<Map<String, Value>>,
) -> Result<
    (
        StatusCode,
        [(hyper::header::HeaderName, &'static str); 1],
        Json<Registered>,
    ),
    Problem,
> {
    let mut form = Form::new(body);
    let email = form.text("email", domain::email);
    let password = form.text("password", domain::password);
    let name = form.text("name", domain::name);
    let phone = form.text_if_any("phone", domain::phone);
    form.finish()?;
    // A repeat does not cost a hash. The unique key decides.
    if service.store.has_email(&email).await? {
        return Err(Refusal::EmailTaken.into());
    }
    let password_hash = service.passwords.hash_to_register(password).await?;
    let new = NewAccount {
        email: email.clone(),
        name,
        phone,
        password_hash,
        role: Role::Customer,
    };
    let account = service.store.register(new, context.into()).await?;
    let registered = Registered {
        user_id: account.user_id,
        email,
        name: account.name,
    };
    let location = [(LOCATION, "/api/users/me")];
    Ok((StatusCode::CREATED, location, Json(registered)))
}
