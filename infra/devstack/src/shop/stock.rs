//! The stock of the demo shop: made by the engine from what the catalog tells, then limits for some SKUs, and
//! what lies at other places, which the catalog knows nothing of.

use std::time::Duration;

use devstack::wait;
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    addresses::Addresses, demo_stock, failure::Failure, http::Api, output,
    service::INVENTORY_SERVER,
};

/// How long events may take from the catalog to the engine.
const ARRIVED_TIMEOUT: Duration = Duration::from_secs(60);

const BULK: &str = "/api/inventories/bulk";

pub(super) fn load(addresses: &Addresses, admin: &str) -> Result<(), Failure> {
    let api = Api::new(addresses, &INVENTORY_SERVER).with_token(admin);
    let stock = arrived(&api)?;
    let loaded = demo_stock::load_elsewhere(&api)?;
    for entry in &stock {
        let sku = entry.get("skuId").and_then(Value::as_str);
        // Nobody has touched it since it was made.
        let is_new = entry.get("version").and_then(Value::as_u64) == Some(1);
        if let Some(sku) = sku.filter(|_| is_new) {
            demo_stock::set_limit(&api, sku)?;
        }
    }
    output::progress(format!(
        "    {} SKUs; at other places {} created, {} there already",
        stock.len(),
        loaded.created,
        loaded.already_there
    ));
    Ok(())
}

/// The stock of all SKUs, once the engine knows them.
fn arrived(api: &Api) -> Result<Vec<Value>, Failure> {
    let skus: Vec<&str> = demo_stock::initial_quantities().into_keys().collect();
    let request = json!({"skuIds": skus});
    let mut unknown = String::new();
    let what = "the engine has the stock";
    let stock = wait::until_some(ARRIVED_TIMEOUT, what, || {
        let answer = match api.call(&Method::POST, BULK, Some(&request)) {
            Ok(answer) => answer,
            Err(failure) => return Some(Err(failure)),
        };
        let list = |field: &str| answer.body.get(field).and_then(Value::as_array);
        match (answer.status, list("inventories"), list("unknown")) {
            (200, Some(stock), Some(missing)) if missing.is_empty() => Some(Ok(stock.clone())),
            (200, Some(_), Some(missing)) => {
                unknown = Value::from(missing.clone()).to_string();
                None
            }
            _ => Some(Err(api.unexpected(&Method::POST, BULK, &answer))),
        }
    });
    stock.map_err(|_| {
        let message = format!("the engine does not know {unknown} within {ARRIVED_TIMEOUT:?}");
        let next = "cargo dev logs sync-worker, cargo dev logs catalog-service";
        Failure::new(message, next)
    })?
}
