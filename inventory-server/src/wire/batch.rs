//! The envelope of a batch: one member with 1 to 1,000 elements, which are read one by one later.

use serde_json::value::RawValue;

use super::json::{Errors, Object, elements, text_of};
use crate::{limits::BATCH_ELEMENTS_MAX, problem::FieldError};

/// The elements of the only member, `name`.
pub(crate) fn parse<'a>(body: &'a [u8], name: &str) -> Result<Vec<&'a RawValue>, Vec<FieldError>> {
    let mut errors = Errors::default();
    let list = Object::body(body, &mut errors).and_then(|mut object| {
        let raw = object.require(name)?;
        let list = match elements(raw, BATCH_ELEMENTS_MAX) {
            Ok((list, 1..=BATCH_ELEMENTS_MAX)) => Some(list),
            Ok((_, count)) => {
                object.fault(
                    name,
                    format_args!("must have 1 to {BATCH_ELEMENTS_MAX} elements, has {count}"),
                );
                None
            }
            Err(reason) => {
                object.fault(name, reason);
                None
            }
        };
        object.finish();
        list
    });
    errors.or(list)
}

/// What a faulty element calls itself, for the result that rejects it: the member `name` of an
/// object, or the element itself where it is a text.
pub(crate) fn name_of(element: &RawValue, name: &str) -> Option<String> {
    let mut errors = Errors::default();
    let text = if element.get().starts_with('{') {
        let mut object = Object::parse(element.get(), name, String::new(), &mut errors)?;
        text_of(object.take(name)?).ok()?
    } else {
        text_of(element).ok()?
    };
    Some(super::json::echo(&text).into_owned())
}
