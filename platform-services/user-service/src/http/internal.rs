//! For other services.

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::http::{
    Form, Json, Path, Problem,
    auth::{Principal, Role},
};

use super::{Service, addresses::number};
use crate::{
    domain::{self, Account, Address, Status},
    limits::PASSWORD_CHARS_MAX,
    store::{PasswordChange, Refusal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    name: String,
    status: Status,
    roles: [Role; 1],
    credential_version: u32,
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        Self {
            user_id: account.user_id,
            email: account.email,
            name: account.name,
            status: account.status,
            roles: [account.role],
            credential_version: account.credential_version,
        }
    }
}

/// A wrong password is an answer like any other here: a 401 would say that the caller's token is
/// wrong.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verified {
    valid: bool,
    /// Of the account with this mail address, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<[Role; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_version: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Changed {
    changed: bool,
}

pub(super) async fn user(
    principal: Principal,
    State(service): State<Service>,
    Path(user_id): Path<String>,
) -> Result<Json<User>, Problem> {
    principal.require(&[Role::Service])?;
    let account = service.store.account(&user_id).await?;
    // For other services somebody who withdrew is nobody.
    if account.status == Status::Withdrawn {
        return Err(Refusal::UnknownUser.into());
    }
    Ok(Json(account.into()))
}

pub(super) async fn address(
    principal: Principal,
    State(service): State<Service>,
    Path((user_id, address_id)): Path<(String, String)>,
) -> Result<Json<Address>, Problem> {
    principal.require(&[Role::Service])?;
    let address_id = number(&address_id)?;
    Ok(Json(service.store.address(&user_id, address_id).await?))
}

/// One hash is made whatever the answer: whether there is an account cannot be told by the time.
pub(super) async fn verify(
    principal: Principal,
    State(service): State<Service>,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Verified>, Problem> {
    principal.require(&[Role::Service])?;
    let mut form = Form::new(body);
    let email = form.text("email", |text| Ok(text.to_owned()));
    let password = form.text("password", |text| Ok(text.to_owned()));
    form.finish()?;
    // What is no mail address has no account.
    let credentials = match domain::email(&email) {
        Ok(email) => service.store.credentials_of_email(&email).await?,
        Err(_) => None,
    };
    let hash = credentials.as_ref().and_then(|it| it.password_hash.clone());
    let valid = service.passwords.verify(bounded(password), hash).await?;
    let account = credentials.map(|credentials| credentials.account);
    let of_valid = account.as_ref().filter(|_| valid);
    Ok(Json(Verified {
        valid,
        roles: of_valid.map(|account| [account.role]),
        status: of_valid.map(|account| account.status),
        credential_version: of_valid.map(|account| account.credential_version),
        user_id: account.map(|account| account.user_id),
    }))
}

pub(super) async fn password(
    principal: Principal,
    State(service): State<Service>,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Changed>, Problem> {
    principal.require(&[Role::Service])?;
    let mut form = Form::new(body);
    let user_id = form.text("userId", |text| Ok(text.to_owned()));
    let old = form.text("oldPassword", |text| Ok(text.to_owned()));
    let new = form.text("newPassword", domain::password);
    form.finish()?;
    let credentials = service.store.credentials_of_user(&user_id).await?;
    let credentials = credentials.ok_or(Refusal::UnknownUser)?;
    let hash = credentials.password_hash;
    let valid = service.passwords.verify(bounded(old), hash.clone()).await?;
    let (true, Some(hash)) = (valid, hash) else {
        return Ok(Json(Changed { changed: false }));
    };
    let new_hash = service.passwords.hash(new).await?;
    let done = service.store.change_password(&user_id, &hash, &new_hash);
    Ok(Json(Changed {
        changed: done.await? == PasswordChange::Done,
    }))
}

/// No password is longer; nobody makes us hash a body of any size.
fn bounded(password: String) -> String {
    if password.chars().nth(PASSWORD_CHARS_MAX).is_some() {
        String::new()
    } else {
        password
    }
}
