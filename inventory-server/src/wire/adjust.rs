//! The body of an adjustment, alone or as an element of a bulk request.

use inventory_core::{Location, OperationId, Sku, Text, limits::STOCK_MAX};
use serde_json::value::RawValue;

use super::json::{Errors, Object};
use crate::problem::FieldError;

/// What an adjustment asks for.
#[derive(Debug)]
pub(crate) struct AdjustRequest {
    pub(crate) operation: Option<OperationId>,
    pub(crate) location: Option<Location>,
    pub(crate) delta: i64,
    pub(crate) reason: Option<Text>,
}

/// Reads the body of a single adjustment.
pub(crate) fn parse(body: &[u8]) -> Result<AdjustRequest, Vec<FieldError>> {
    let mut errors = Errors::default();
    let request = Object::body(body, &mut errors).and_then(read);
    errors.or(request)
}

/// Reads an element of a bulk request, which names its SKU.
pub(crate) fn parse_element(
    json: &RawValue,
    name: &str,
) -> Result<(Sku, AdjustRequest), Vec<FieldError>> {
    let mut errors = Errors::default();
    let request =
        Object::parse(json.get(), name, String::new(), &mut errors).and_then(|mut object| {
            let sku = object.required_text("skuId", Sku::parse);
            let request = read(object);
            Some((sku?, request?))
        });
    errors.or(request)
}

fn read(mut object: Object<'_, '_>) -> Option<AdjustRequest> {
    let stock_max = i64::try_from(STOCK_MAX).unwrap_or(i64::MAX);
    let operation = object.text("adjustmentId", OperationId::parse);
    let location = object.text("locationId", Location::parse);
    let delta = object.required_integer("delta", -stock_max..=stock_max);
    if delta == Some(0) {
        object.fault("delta", "must not be 0");
    }
    let reason = object.text("reason", Text::parse);
    object.finish();
    Some(AdjustRequest {
        operation,
        location,
        delta: delta?,
        reason,
    })
}
