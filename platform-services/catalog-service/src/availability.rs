//! How many units there are right now, as inventory-server says; nothing where it does not say.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use service_kit::{client::Client, http::RequestContext};

use crate::limits::AVAILABILITY_SKUS_MAX;

/// Asks inventory-server.
#[derive(Debug, Clone)]
pub(crate) struct Availability {
    inventory: Client,
}

#[derive(Deserialize)]
struct Bulk {
    inventories: Vec<Stock>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stock {
    sku_id: String,
    available_quantity: u64,
}

/// Units by SKU; a SKU that is not in it is unknown.
pub(crate) type Units = HashMap<String, u64>;

impl Availability {
    pub(crate) const fn new(inventory: Client) -> Self {
        Self { inventory }
    }

    /// One call for all, at most [`AVAILABILITY_SKUS_MAX`]. A failure is no answer: what is shown
    /// without it is `null`.
    pub(crate) async fn of(&self, context: &RequestContext, sku_ids: &[&str]) -> Units {
        let sku_ids = &sku_ids[..sku_ids.len().min(AVAILABILITY_SKUS_MAX)];
        if sku_ids.is_empty() {
            return Units::new();
        }
        let asked = self
            .inventory
            .post("/api/inventories/bulk")
            .idempotent()
            .json(&json!({"skuIds": sku_ids}))
            .context(context);
        match asked.fetch::<Bulk>().await {
            Ok(bulk) => bulk
                .inventories
                .into_iter()
                .map(|stock| (stock.sku_id, stock.available_quantity))
                .collect(),
            Err(error) => {
                tracing::debug!(%error, "shown without availability");
                Units::new()
            }
        }
    }
}
