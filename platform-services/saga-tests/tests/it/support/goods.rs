//! Products, as the admin makes them, and what is there of them.

use serde_json::json;

use super::{Shop, unique, until};

/// Units of a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stock {
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
}

impl Stock {
    /// So many available, and so many sold.
    pub(crate) const fn at_rest(available: i64, sold: i64) -> Self {
        Self {
            available,
            reserved: 0,
            sold,
        }
    }
}

impl Shop {
    /// A product with one SKU, through the catalog; its stock comes by `product.sku.created`.
    #[track_caller]
    pub(crate) fn goods(&self, name: &str, price: i64, units: i64) -> String {
        let sku = unique(name);
        self.goods_as(&json!(sku), name, price, units);
        sku
    }

    #[track_caller]
    pub(crate) fn goods_as(&self, sku: &serde_json::Value, name: &str, price: i64, units: i64) {
        let body = json!({"name": name, "price": price, "status": "ON_SALE",
            "skus": [{"skuId": sku, "initialQuantity": units}]});
        let made = self.catalog.http.post("/api/products", &self.admin, &body);
        made.expect(201);
        let sku = sku
            .as_str()
            .map_or_else(|| sku.to_string(), ToOwned::to_owned);
        until(format!("{sku} is in stock"), || {
            let path = format!("/api/inventories/{sku}");
            self.inventory.http.get(&path, "").status == 200
        });
    }

    #[track_caller]
    pub(crate) fn stock(&self, sku: &str) -> Stock {
        let path = format!("/api/inventories/{sku}");
        let stock = self.inventory.http.get(&path, "").expect(200);
        let number = |name: &str| stock[name].as_i64().unwrap();
        Stock {
            available: number("availableQuantity"),
            reserved: number("reservedQuantity"),
            sold: number("soldQuantity"),
        }
    }

    #[track_caller]
    pub(crate) fn until_stock(&self, sku: &str, wanted: Stock) {
        let mut seen = None;
        let waited = devstack::wait::until(super::PATIENCE, "the stock", || {
            seen = Some(self.stock(sku));
            seen == Some(wanted)
        });
        waited.unwrap_or_else(|error| panic!("{error}: {seen:?} instead of {wanted:?}"));
    }
}
