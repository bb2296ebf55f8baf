//! The body of a reserve: the hot request.

use inventory_core::{
    CustomerId, Line, Lines, Location, Metadata, OrderId, ReservationId, Sku,
    limits::{TTL_SECONDS_MAX, TTL_SECONDS_MIN},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    json::{BODY, Errors, Object},
    lines, metadata,
};
use crate::problem::FieldError;

/// The one id that no reservation may have: `POST /api/reservations/batch/confirm` means another
/// operation.
const ID_IN_PATHS: &str = "batch";

/// Reads the id of a new reservation.
pub(crate) fn id(text: &str) -> Result<ReservationId, String> {
    if text == ID_IN_PATHS {
        return Err(format!(
            "must not be {ID_IN_PATHS:?}: /api/reservations/{ID_IN_PATHS}/confirm is another operation"
        ));
    }
    ReservationId::parse(text).map_err(|error| error.to_string())
}

/// What a reserve asks for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReserveRequest {
    pub(crate) id: Option<ReservationId>,
    pub(crate) lines: Lines,
    pub(crate) ttl_seconds: Option<u32>,
    pub(crate) order: Option<OrderId>,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) metadata: Option<Metadata>,
}

/// Reads a body. What is fine takes the short way; what is not is read again for the explanation.
pub(crate) fn parse(body: &[u8]) -> Result<ReserveRequest, Vec<FieldError>> {
    quick(body).map_or_else(|| thorough(body, BODY), Ok)
}

/// The same for an element of a batch, whose own faults are reported under `name`.
pub(crate) fn parse_element(
    json: &RawValue,
    name: &str,
) -> Result<ReserveRequest, Vec<FieldError>> {
    let body = json.get().as_bytes();
    quick(body).map_or_else(|| thorough(body, name), Ok)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Quick<'a> {
    reservation_id: Option<&'a str>,
    order_id: Option<&'a str>,
    customer_id: Option<&'a str>,
    ttl_seconds: Option<u32>,
    #[serde(borrow)]
    items: Vec<QuickLine<'a>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QuickLine<'a> {
    sku_id: &'a str,
    location_id: Option<&'a str>,
    quantity: u32,
}

/// Succeeds only where [`thorough`] does, with the same result; says nothing about what is wrong.
pub(super) fn quick(body: &[u8]) -> Option<ReserveRequest> {
    let quick: Quick<'_> = serde_json::from_slice(body).ok()?;
    let lines: Option<Vec<Line>> = quick
        .items
        .iter()
        .map(|line| {
            let location = line.location_id.map(Location::parse).transpose().ok()?;
            Some(Line {
                sku: Sku::parse(line.sku_id).ok()?,
                location: location.unwrap_or_default(),
                quantity: line.quantity,
            })
        })
        .collect();
    if quick
        .ttl_seconds
        .is_some_and(|s| !(TTL_SECONDS_MIN..=TTL_SECONDS_MAX).contains(&s))
    {
        return None;
    }
    Some(ReserveRequest {
        id: quick.reservation_id.map(id).transpose().ok()?,
        lines: Lines::summed(lines?).ok()?,
        ttl_seconds: quick.ttl_seconds,
        order: quick.order_id.map(OrderId::parse).transpose().ok()?,
        customer: quick.customer_id.map(CustomerId::parse).transpose().ok()?,
        metadata: quick.metadata.map(metadata::parse).transpose().ok()?,
    })
}

/// Reads everything and reports every fault.
pub(super) fn thorough(body: &[u8], name: &str) -> Result<ReserveRequest, Vec<FieldError>> {
    let mut errors = Errors::default();
    let request = read(body, name, &mut errors);
    errors.or(request)
}

fn read(body: &[u8], name: &str, errors: &mut Errors) -> Option<ReserveRequest> {
    let text = super::json::utf8(body, errors)?;
    let mut object = Object::parse(text, name, String::new(), errors)?;
    let id = object.text("reservationId", id);
    let order = object.text("orderId", OrderId::parse);
    let customer = object.text("customerId", CustomerId::parse);
    let ttl_seconds = ttl_seconds(&mut object);
    let lines = object
        .require("items")
        .and_then(|raw| lines::parse(&mut object, raw));
    let metadata = object.take("metadata").and_then(|raw| {
        metadata::parse(raw)
            .map_err(|reason| object.fault("metadata", reason))
            .ok()
    });
    object.finish();
    Some(ReserveRequest {
        id,
        lines: lines?,
        ttl_seconds,
        order,
        customer,
        metadata,
    })
}

/// `ttlSeconds`, if it is there.
pub(crate) fn ttl_seconds(object: &mut Object<'_, '_>) -> Option<u32> {
    let range = i64::from(TTL_SECONDS_MIN)..=i64::from(TTL_SECONDS_MAX);
    object
        .integer("ttlSeconds", range)
        .and_then(|s| u32::try_from(s).ok())
}
