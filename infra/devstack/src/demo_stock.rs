//! The stock of the demo shop: `data/demo_stock.csv`.

use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    failure::Failure,
    http::{Answer, Api},
};

/// One SKU at one location.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    sku: &'static str,
    location: &'static str,
    on_hand: u64,
    /// Units a customer may hold or buy, and in how many seconds.
    limit: Option<(u64, Option<u64>)>,
    name: &'static str,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) created: usize,
    pub(crate) already_there: usize,
}

/// Creates what is not there; what is there is left alone, whatever became of it.
pub(crate) fn load(api: &Api) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::default();
    for row in rows() {
        let path = format!("/api/inventories/{}", row.sku);
        let answer = api.call(&Method::PUT, &path, Some(&request(&row)))?;
        match answer.status {
            201 => loaded.created += 1,
            409 if is_conflict(&answer) => loaded.already_there += 1,
            status => {
                let message = format!(
                    "PUT {path} ({}) answered {status} {}",
                    row.name, answer.body
                );
                return Err(Failure::new(message, "cargo dev logs inventory-server"));
            }
        }
    }
    Ok(loaded)
}

/// `29 SKUs at 2 locations`.
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

fn is_conflict(answer: &Answer) -> bool {
    answer.body.get("code").and_then(Value::as_str) == Some("VERSION_CONFLICT")
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
    let [sku, location, on_hand, limit, window, name] = line.split(',').collect::<Vec<_>>()[..]
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
        name,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

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
            assert!(!row.name.is_empty(), "{row:?}");
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
