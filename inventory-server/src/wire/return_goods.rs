//! The body of a return.

use inventory_core::{Lines, OperationId};

use super::{
    json::{Errors, Object},
    lines,
};
use crate::problem::FieldError;

/// What a return asks for.
#[derive(Debug)]
pub(crate) struct ReturnRequest {
    pub(crate) return_id: OperationId,
    pub(crate) lines: Option<Lines>,
}

/// Reads a body.
pub(crate) fn parse(body: &[u8]) -> Result<ReturnRequest, Vec<FieldError>> {
    let mut errors = Errors::default();
    let request = Object::body(body, &mut errors).and_then(|mut object| {
        let return_id = object.required_text("returnId", OperationId::parse);
        let lines = object
            .take("items")
            .and_then(|raw| lines::parse(&mut object, raw));
        object.finish();
        Some(ReturnRequest {
            return_id: return_id?,
            lines,
        })
    });
    errors.or(request)
}
