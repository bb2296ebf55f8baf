//! The optional body of a confirm.

use inventory_core::Lines;

use super::{
    json::{Errors, Object},
    lines,
};
use crate::problem::FieldError;

/// What a confirm asks for.
#[derive(Debug, Default)]
pub(crate) struct ConfirmRequest {
    pub(crate) lines: Option<Lines>,
    pub(crate) reacquire: bool,
}

/// Reads a body; an empty one confirms everything.
pub(crate) fn parse(body: &[u8]) -> Result<ConfirmRequest, Vec<FieldError>> {
    if body.is_empty() {
        return Ok(ConfirmRequest::default());
    }
    let mut errors = Errors::default();
    let request = Object::body(body, &mut errors).map(|mut object| {
        let lines = object
            .take("items")
            .and_then(|raw| lines::parse(&mut object, raw));
        let reacquire = object.boolean("reacquire").unwrap_or(false);
        object.finish();
        ConfirmRequest { lines, reacquire }
    });
    errors.or(request)
}
