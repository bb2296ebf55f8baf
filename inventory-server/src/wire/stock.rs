//! A stock as JSON.

use bytes::Bytes;
use inventory_core::{Stock, StockKey};

use super::write::Writer;

/// The body of a single stock.
pub(crate) fn body(stock: &Stock) -> Bytes {
    let mut json = Writer::object(256);
    write(&mut json, stock);
    json.finish()
}

/// Writes the members that name a stock.
pub(crate) fn key(json: &mut Writer, key: &StockKey) {
    json.id("skuId", key.sku.as_str());
    json.id("locationId", key.location.as_str());
}

/// Names the stocks that cannot be read, where there are any: they do not spoil the others.
pub(crate) fn corrupt(json: &mut Writer, keys: &[StockKey]) {
    if !keys.is_empty() {
        json.array("corrupt", keys, key);
    }
}

/// Writes the members of a stock.
pub(crate) fn write(json: &mut Writer, stock: &Stock) {
    key(json, &stock.key);
    json.number("availableQuantity", stock.available);
    json.number("reservedQuantity", stock.reserved);
    json.number("onHandQuantity", stock.on_hand());
    json.number("soldQuantity", stock.sold);
    json.number("version", stock.version);
    if let Some(limit) = stock.purchase_limit {
        json.nested("purchaseLimit", |json| {
            json.number("quantity", u64::from(limit.quantity));
            if let Some(seconds) = limit.window_seconds {
                json.number("windowSeconds", u64::from(seconds));
            }
        });
    }
}
