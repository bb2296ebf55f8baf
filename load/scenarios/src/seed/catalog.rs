//! Stock that comes from products: made in the catalog, it reaches the engine by Kafka.

use std::time::Duration;

use devstack::wait;
use serde_json::json;

use crate::{
    place::{CATALOG_URL, Place},
    plan::Plan,
    stores::stock,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// KRW.
const PRICE: u64 = 10_000;

pub(super) fn seed(
    place: &Place,
    plan: &Plan,
    skus: &[String],
    run_id: &str,
) -> Result<(), String> {
    if place.token.is_empty() {
        return Err(
            "products are made by an admin: --admin-login names a file with a login".to_owned(),
        );
    }
    let catalog = place.service(CATALOG_URL);
    for (number, sku) in skus.iter().enumerate() {
        let product = json!({
            "name": format!("부하 {run_id} {number}"),
            "description": "made for a load test",
            "price": PRICE,
            "status": "ON_SALE",
            "skus": [{"skuId": sku, "initialQuantity": plan.units}],
        });
        catalog
            .post("/api/products", &product)?
            .expect(201, &format!("making the product of {sku}"))?;
    }
    let inventory = place.inventory();
    let what = "the engine has the stock of all products";
    wait::until(PATIENCE, what, || stock::figures(&inventory, skus).is_ok())
        .map_err(|error| error.to_string())
}
