//! The stock of the demo shop: `data/demo_stock.csv`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ureq::http::Method;

use crate::{failure::Failure, http::Api};

/// One SKU at one location.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    sku: &'static str,
    location: &'static str,
    on_hand: u64,
    /// Units a customer may hold or buy, and in how many seconds.
    limit: Option<(u64, Option<u64>)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) created: usize,
    pub(crate) already_there: usize,
}

/// Where stock is that nothing else is said of.
const DEFAULT_LOCATION: &str = "default";

/// Creates what is not there; what is there is left alone, whatever became of it.
pub(crate) fn load(api: &Api) -> Result<Loaded, Failure> {
    load_rows(api, rows())
}

/// The same, of what does not lie at the usual place.
pub(crate) fn load_elsewhere(api: &Api) -> Result<Loaded, Failure> {
    load_rows(api, rows().filter(|row| row.location != DEFAULT_LOCATION))
}

/// Of each SKU at the usual place.
pub(crate) fn initial_quantities() -> BTreeMap<&'static str, u64> {
    rows()
        .filter(|row| row.location == DEFAULT_LOCATION)
        .map(|row| (row.sku, row.on_hand))
        .collect()
}

/// Sets the limit of a SKU that has one, when nobody has changed it since it was made.
pub(crate) fn set_limit(api: &Api, sku: &str) -> Result<(), Failure> {
    let is_it =
        |row: &Row| row.sku == sku && row.location == DEFAULT_LOCATION && row.limit.is_some();
    let Some(row) = rows().find(is_it) else {
        return Ok(());
    };
    let mut request = request(&row);
    request["expectedVersion"] = 1.into();
    put(api, &row, &request).map(drop)
}

fn load_rows(api: &Api, rows: impl Iterator<Item = Row>) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::default();
    for row in rows {
        if put(api, &row, &request(&row))? {
            loaded.created += 1;
        } else {
            loaded.already_there += 1;
        }
    }
    Ok(loaded)
}

/// Whether it was written; else it has another version than the request expects.
fn put(api: &Api, row: &Row, request: &Value) -> Result<bool, Failure> {
    let path = format!("/api/inventories/{}", row.sku);
    let answer = api.call(&Method::PUT, &path, Some(request))?;
    match answer.status {
        200 | 201 => Ok(true),
        409 if answer.text("code") == "VERSION_CONFLICT" => Ok(false),
        _ => Err(api.unexpected(&Method::PUT, &path, &answer)),
    }
}

/// `32 SKUs at 2 locations`.
pub(crate) fn summary() -> String {
    let count = |mut values: Vec<&str>| {
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    let skus = count(rows().map(|row| row.sku).collect());
    let locations = count(rows().map(|row| row.location).collect());
    format!("{skus} SKUs at {locations} locations")
}

fn request(row: &Row) -> Value {
    let mut request = json!({
        "locationId": row.location,
        "onHandQuantity": row.on_hand,
        "expectedVersion": 0,
        "reason": "demo stock",
    });
    if let Some((quantity, window)) = row.limit {
        request["purchaseLimit"] = match window {
            Some(seconds) => json!({"quantity": quantity, "windowSeconds": seconds}),
            None => json!({"quantity": quantity}),
        };
    }
    request
}

/// A test reads every line, so none is dropped here.
fn rows() -> impl Iterator<Item = Row> {
    include_str!("../data/demo_stock.csv")
        .lines()
        .skip(1)
        .filter_map(parse)
}

fn parse(line: &'static str) -> Option<Row> {
    let [sku, location, on_hand, limit, window, _name] = line.split(',').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let limit = match (limit, window) {
        ("", "") => None,
        (limit, "") => Some((limit.parse().ok()?, None)),
        (limit, window) => Some((limit.parse().ok()?, Some(window.parse().ok()?))),
    };
    Some(Row {
        sku,
        location,
        on_hand: on_hand.parse().ok()?,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_a_row_of_its_own() {
        let lines = include_str!("../data/demo_stock.csv").lines().count() - 1;
        let places: BTreeSet<_> = rows().map(|row| (row.sku, row.location)).collect();
        assert_eq!(places.len(), lines);
    }

    #[test]
    fn the_shop_is_what_the_docs_promise() {
        let mut units = BTreeMap::<_, u64>::new();
        for row in rows() {
            *units.entry(row.sku).or_default() += row.on_hand;
        }
        assert!(units.len() >= 24);
        assert!(units.contains_key("1"));
        assert!(units.values().all(|units| *units <= 100_000), "{units:?}");
        assert!(rows().filter(|row| row.limit.is_some()).count() >= 2);
        assert_eq!(summary(), format!("{} SKUs at 2 locations", units.len()));
    }

    #[test]
    fn ids_are_ids() {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        for row in rows() {
            assert!(
                row.sku.len() <= 64 && row.sku.bytes().all(allowed),
                "{row:?}"
            );
            assert!(
                row.location
                    .bytes()
                    .all(|byte| allowed(byte) && byte != b':'),
                "{row:?}"
            );
        }
    }

    #[test]
    fn a_limit_is_sent_and_its_absence_is_not() {
        let row = parse("1,default,5,2,60,name").unwrap();
        assert_eq!(
            request(&row)["purchaseLimit"],
            json!({"quantity": 2, "windowSeconds": 60})
        );
        let row = parse("1,default,5,2,,name").unwrap();
        assert_eq!(request(&row)["purchaseLimit"], json!({"quantity": 2}));
        let row = parse("1,default,5,,,name").unwrap();
        assert_eq!(request(&row).get("purchaseLimit"), None);
        assert_eq!(parse("1,default,many,,,name"), None);
    }
}
