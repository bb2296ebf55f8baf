use axum::extract::State;
use hyper::{StatusCode, header::LOCATION};
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::http::{Form, Json, Path, Problem, auth::Principal};

use super::{Service, me::PEOPLE};
use crate::{
    domain::{self, Address, AddressFields},
    store::Refusal,
};

#[derive(Serialize)]
pub(super) struct Addresses {
    addresses: Vec<Address>,
}

pub(super) async fn list(
    principal: Principal,
    State(service): State<Service>,
) -> Result<Json<Addresses>, Problem> {
    principal.require(&PEOPLE)?;
    let user_id = principal.subject();
    service.store.own_account(user_id).await?;
    let addresses = service.store.addresses(user_id).await?;
    Ok(Json(Addresses { addresses }))
}

pub(super) async fn add(
    principal: Principal,
    State(service): State<Service>,
    Json(body): Json<Map<String, Value>>,
) -> Result<
    (
        StatusCode,
        [(hyper::header::HeaderName, String); 1],
        Json<Address>,
    ),
    Problem,
> {
    principal.require(&PEOPLE)?;
    let fields = fields(body)?;
    let user_id = principal.subject();
    let address = service.store.add_address(user_id, fields).await?;
    let location = format!("/api/users/me/addresses/{}", address.address_id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(address)))
}

pub(super) async fn replace(
    principal: Principal,
    State(service): State<Service>,
    Path(address_id): Path<String>,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Address>, Problem> {
    principal.require(&PEOPLE)?;
    let fields = fields(body)?;
    let (user_id, address_id) = (principal.subject(), number(&address_id)?);
    let address = service
        .store
        .replace_address(user_id, address_id, fields)
        .await?;
    Ok(Json(address))
}

pub(super) async fn delete(
    principal: Principal,
    State(service): State<Service>,
    Path(address_id): Path<String>,
) -> Result<StatusCode, Problem> {
    principal.require(&PEOPLE)?;
    let (user_id, address_id) = (principal.subject(), number(&address_id)?);
    service.store.delete_address(user_id, address_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no number of an address names none.
pub(super) fn number(text: &str) -> Result<u32, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = text.starts_with('0');
    match text.parse() {
        Ok(number) if digits && !leading_zero => Ok(number),
        Ok(_) | Err(_) => Err(Refusal::UnknownAddress),
    }
}

fn fields(body: Map<String, Value>) -> Result<AddressFields, Problem> {
    let mut form = Form::new(body);
    let fields = AddressFields {
        label: form.text_if_any("label", domain::label).unwrap_or_default(),
        recipient: form.text("recipient", domain::name),
        phone: form.text("phone", domain::phone),
        zip_code: form.text("zipCode", domain::zip_code),
        address: form.text("address", |text| domain::line(text, 1)),
        address_detail: form
            .text_if_any("addressDetail", |text| domain::line(text, 0))
            .unwrap_or_default(),
        is_default: form.truth_if_any("isDefault").unwrap_or_default(),
    };
    form.finish()?;
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_name_an_address() {
        assert_eq!(number("1"), Ok(1));
        for bad in ["", "0", "01", "+1", "-1", " 1", "1.0", "a", "4294967296"] {
            assert_eq!(number(bad), Err(Refusal::UnknownAddress), "{bad}");
        }
    }
}
