//! The body of a count (`PUT` of a stock).

use inventory_core::{
    LimitChange, Location, PurchaseLimit, Text,
    limits::{LIMIT_WINDOW_SECONDS_MAX, QUANTITY_MAX, STOCK_MAX},
};

use super::json::{Errors, Object};
use crate::problem::FieldError;

/// What a count says.
#[derive(Debug)]
pub(crate) struct CountRequest {
    pub(crate) on_hand: u64,
    pub(crate) location: Option<Location>,
    pub(crate) expected_version: Option<u64>,
    pub(crate) limit: LimitChange,
    pub(crate) reason: Option<Text>,
}

/// Reads a body.
pub(crate) fn parse(body: &[u8]) -> Result<CountRequest, Vec<FieldError>> {
    let mut errors = Errors::default();
    let stock_max = i64::try_from(STOCK_MAX).unwrap_or(i64::MAX);
    let request = Object::body(body, &mut errors).and_then(|mut object| {
        let on_hand = object.required_integer("onHandQuantity", 0..=stock_max);
        let location = object.text("locationId", Location::parse);
        let expected = object.integer("expectedVersion", 0..=stock_max);
        let limit = limit(&mut object);
        let reason = object.text("reason", Text::parse);
        object.finish();
        Some(CountRequest {
            on_hand: u64::try_from(on_hand?).ok()?,
            location,
            expected_version: expected.and_then(|v| u64::try_from(v).ok()),
            limit,
            reason,
        })
    });
    errors.or(request)
}

/// `purchaseLimit`: absent keeps it, `null` removes it. Faults are reported, so what is answered
/// then does not matter.
fn limit(object: &mut Object<'_, '_>) -> LimitChange {
    let Some(raw) = object.take_nullable("purchaseLimit") else {
        return LimitChange::Keep;
    };
    if raw.get() == "null" {
        return LimitChange::Remove;
    }
    let Some(mut limit) = object.object("purchaseLimit", raw) else {
        return LimitChange::Keep;
    };
    let quantity = limit.required_integer("quantity", 1..=i64::from(QUANTITY_MAX));
    let window = limit.integer("windowSeconds", 1..=i64::from(LIMIT_WINDOW_SECONDS_MAX));
    limit.finish();
    let quantity = quantity.and_then(|q| u32::try_from(q).ok());
    let window = window.and_then(|w| u32::try_from(w).ok());
    quantity
        .and_then(|quantity| PurchaseLimit::new(quantity, window).ok())
        .map_or(LimitChange::Keep, LimitChange::Set)
}
