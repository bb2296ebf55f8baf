//! The optional body of a release.

use inventory_core::Text;

use super::json::{Errors, Object};
use crate::problem::FieldError;

/// Reads the reason of a release; an empty body has none.
pub(crate) fn parse(body: &[u8]) -> Result<Option<Text>, Vec<FieldError>> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut errors = Errors::default();
    let reason = Object::body(body, &mut errors).map(|mut object| {
        let reason = object.text("reason", Text::parse);
        object.finish();
        reason
    });
    errors.or(reason)
}
