//! What order-service says. Quantities are units; amounts are in the currency's minor unit.

use serde::{Deserialize, Serialize};

use crate::{Amount, event::event_data};

/// So many units of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What.
    pub sku_id: String,
    /// Units, 1 to 1,000,000. Signed, so that an invalid command can be read and answered.
    pub quantity: i64,
}

/// So many units of one SKU at a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PricedItem {
    /// What.
    pub sku_id: String,
    /// Units, 1 to 1,000,000. Signed, so that an invalid command can be read and answered.
    pub quantity: i64,
    /// The price of one unit, from the catalog.
    pub unit_price: Amount,
}

/// An order was placed: hold its units, and get ready to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    /// The order.
    pub order_id: String,
    /// Who ordered.
    pub user_id: String,
    /// A hold that the customer has already; otherwise one is made, `order-<orderId>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<String>,
    /// What was ordered, at least one item.
    pub items: Vec<PricedItem>,
    /// What is to be paid.
    pub total_amount: Amount,
    /// The currency of every amount, ISO 4217.
    pub currency: String,
}

/// An order was paid: sell its units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    /// The order.
    pub order_id: String,
    /// Its hold.
    pub reservation_id: String,
    /// What to sell, at least one item.
    pub items: Vec<Item>,
}

/// An order came to nothing: give its units back, and its money if any was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    /// The order.
    pub order_id: String,
    /// Its hold.
    pub reservation_id: String,
    /// What had been ordered.
    pub items: Vec<Item>,
    /// Why: `OUT_OF_STOCK`, `PAYMENT_FAILED`, `USER_REQUEST`, `RESERVATION_EXPIRED` or
    /// `STOCK_CONFIRM_FAILED`; others may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A confirmed order is to be paid back, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundRequested {
    /// The order.
    pub order_id: String,
    /// The reservation its units were sold from.
    pub reservation_id: String,
    /// What comes back, at least one item.
    pub items: Vec<Item>,
    /// Why, in the words of who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The refund; a repeat has the same id.
    pub refund_id: String,
    /// What is to be paid back, in the order's currency.
    pub refund_amount: Amount,
}

macro_rules! order_event {
    ($($data:ident = $variant:ident;)*) => {$(
        event_data!(
            $data = $variant,
            key: |it| it.order_id.as_str(),
            subject: |it| it.order_id.as_str()
        );
    )*};
}

order_event! {
    Placed = OrderPlaced;
    Confirmed = OrderConfirmed;
    Cancelled = OrderCancelled;
    RefundRequested = OrderRefundRequested;
}
