//! What catalog-service says. Prices are in the minor unit of the shop's currency.

use serde::{Deserialize, Serialize};

use crate::{Amount, event::event_data};

/// A SKU came into being: create its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkuCreated {
    /// The SKU.
    pub sku_id: String,
    /// The product it is one of.
    pub product_id: String,
    /// The price of one unit.
    pub price: Amount,
    /// Units on hand at the default location, 0 and more. Signed, so that an invalid command can be
    /// read and answered.
    pub initial_quantity: i64,
}

/// A product was created or is another than before; this is what it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductChanged {
    /// The product.
    pub product_id: String,
    /// Its name.
    pub name: String,
    /// Its price before options.
    pub price: Amount,
    /// Its status, such as `ACTIVE`.
    pub status: String,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_id: Option<String>,
    /// Its brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_id: Option<String>,
}

event_data!(
    SkuCreated = ProductSkuCreated,
    key: |it| it.sku_id.as_str(),
    subject: |it| it.sku_id.as_str()
);

event_data!(
    ProductChanged = ProductChanged,
    key: |it| it.product_id.as_str(),
    subject: |it| it.product_id.as_str()
);
