//! The body of an extend.

use inventory_core::limits::{TTL_SECONDS_MAX, TTL_SECONDS_MIN};

use super::json::{Errors, Object};
use crate::problem::FieldError;

/// Reads `ttlSeconds`.
pub(crate) fn parse(body: &[u8]) -> Result<u32, Vec<FieldError>> {
    let mut errors = Errors::default();
    let seconds = Object::body(body, &mut errors).and_then(|mut object| {
        let range = i64::from(TTL_SECONDS_MIN)..=i64::from(TTL_SECONDS_MAX);
        let seconds = object.required_integer("ttlSeconds", range);
        object.finish();
        u32::try_from(seconds?).ok()
    });
    errors.or(seconds)
}
