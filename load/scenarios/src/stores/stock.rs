//! The figures of Redis, as inventory-server says them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{flow::Figures, http::Api};

/// As many as the bulk read takes.
const CHUNK: usize = 1_000;

/// Of each SKU.
///
/// # Errors
/// The server does not answer, or does not know one of them.
pub(crate) fn figures(
    inventory: &Api,
    skus: &[String],
) -> Result<BTreeMap<String, Figures>, String> {
    let mut all = BTreeMap::new();
    for chunk in skus.chunks(CHUNK) {
        let answer = inventory.post("/api/inventories/bulk", &json!({"skuIds": chunk}))?;
        let body = answer.expect(200, "reading the stock")?;
        let stocks = body["inventories"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        for stock in stocks {
            let units = |name: &str| stock[name].as_i64();
            let read = || {
                let figures = Figures {
                    available: units("availableQuantity")?,
                    reserved: units("reservedQuantity")?,
                    sold: units("soldQuantity")?,
                };
                Some((stock["skuId"].as_str()?.to_owned(), figures))
            };
            let (sku, figures) = read().ok_or_else(|| format!("{stock} is no stock"))?;
            all.insert(sku, figures);
        }
        if body["unknown"]
            .as_array()
            .is_none_or(|unknown| !unknown.is_empty())
        {
            return Err(format!("the server does not know {}", body["unknown"]));
        }
    }
    Ok(all)
}

/// The sum of all.
#[must_use]
pub(crate) fn sum(all: &BTreeMap<String, Figures>) -> Figures {
    let mut sum = Figures::default();
    for figures in all.values() {
        sum += *figures;
    }
    sum
}

/// A reservation as the server has it; `None` where it knows none of this id.
pub(crate) fn reservation(inventory: &Api, id: &str) -> Result<Option<Value>, String> {
    let answer = inventory.get(&format!("/api/reservations/{id}"))?;
    match answer.status {
        404 => Ok(None),
        _ => answer.expect(200, &format!("looking up {id}")).map(Some),
    }
}

/// Units of a list of lines.
#[must_use]
pub(crate) fn units(lines: &Value) -> i64 {
    let lines = lines.as_array().map_or(&[][..], Vec::as_slice);
    lines
        .iter()
        .filter_map(|line| line["quantity"].as_i64())
        .sum()
}
