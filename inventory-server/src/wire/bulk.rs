//! The body of a bulk read.

use inventory_core::Sku;

use super::{
    batch,
    json::{Errors, text_of},
};
use crate::problem::FieldError;

/// Reads `skuIds`. Here a faulty element fails the request: nothing is written, so nothing is lost.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Sku>, Vec<FieldError>> {
    let mut errors = Errors::default();
    let skus: Vec<Option<Sku>> = batch::parse(body, "skuIds")?
        .iter()
        .enumerate()
        .map(|(index, element)| {
            text_of(element)
                .and_then(|text| Sku::parse(&text).map_err(|e| e.to_string()))
                .map_err(|reason| errors.add(format!("skuIds[{index}]"), reason))
                .ok()
        })
        .collect();
    errors.or(skus.into_iter().collect())
}
