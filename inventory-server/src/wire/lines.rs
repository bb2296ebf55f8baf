//! `items`: the lines of a reservation, a confirmation or a return.

use inventory_core::{
    Line, LineError, Lines, Location, Sku,
    limits::{LINES_MAX, QUANTITY_MAX},
};
use serde_json::value::RawValue;

use super::{
    json::{Object, elements},
    write::Writer,
};

/// Reads the lines in the member `items`, reporting every fault with its path.
pub(crate) fn parse<'a>(object: &mut Object<'a, '_>, raw: &'a RawValue) -> Option<Lines> {
    let (elements, count) = match elements(raw, LINES_MAX) {
        Ok(elements) => elements,
        Err(reason) => {
            object.fault("items", reason);
            return None;
        }
    };
    if count > LINES_MAX {
        object.fault("items", LineError::TooMany(count));
        return None;
    }
    let lines: Vec<Option<Line>> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| line(object, index, element))
        .collect();
    let lines: Vec<Line> = lines.into_iter().collect::<Option<_>>()?;
    match Lines::summed(lines) {
        Ok(lines) => Some(lines),
        Err(error) => {
            let field = match error {
                LineError::None | LineError::TooMany(_) => "items".to_owned(),
                LineError::Quantity { index } | LineError::Sum { index, .. } => {
                    format!("items[{index}].quantity")
                }
            };
            object.fault(&field, error);
            None
        }
    }
}

fn line<'a>(object: &mut Object<'a, '_>, index: usize, element: &'a RawValue) -> Option<Line> {
    let mut line = object.object(&format!("items[{index}]"), element)?;
    let sku = line.required_text("skuId", Sku::parse);
    let location = line.text("locationId", Location::parse);
    let quantity = line.required_integer("quantity", 1..=i64::from(QUANTITY_MAX));
    line.finish();
    Some(Line {
        sku: sku?,
        location: location.unwrap_or_default(),
        quantity: u32::try_from(quantity?).ok()?,
    })
}

/// Writes `"name":[{"skuId","locationId","quantity"}]`.
pub(crate) fn write(json: &mut Writer, name: &str, lines: &Lines) {
    json.array(name, lines.iter(), |json, line| {
        json.id("skuId", line.sku.as_str());
        json.id("locationId", line.location.as_str());
        json.number("quantity", u64::from(line.quantity));
    });
}
