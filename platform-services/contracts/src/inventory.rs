//! What sync-worker says about reservations and stock. Quantities are units.
//!
//! These events are exactly what the journal of the engine says; only the two `…Failed` ones, which
//! change nothing, come from the outcome of a command.

use serde::{Deserialize, Serialize};

use crate::{EventData, InventoryNumber, Timestamp, event::event_data};

/// The `reason` of a `.failed` event that answers a command which is not valid at all.
pub const INVALID: &str = "INVALID";

/// An event that the journal can cause, with the number of its type in event ids.
pub trait InventoryEvent: EventData {
    /// The number, for [`crate::inventory_event_id`].
    const NUMBER: InventoryNumber = match Self::EVENT_TYPE.inventory_number() {
        Some(number) => number,
        None => panic!("every event of the inventory has a number in the table"),
    };
}

/// So many units of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What.
    pub sku_id: String,
    /// Where.
    pub location_id: String,
    /// Units, 1 to 1,000,000.
    pub quantity: u32,
}

/// A line that found too little stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// What.
    pub sku_id: String,
    /// Where.
    pub location_id: String,
    /// Units asked for.
    pub requested: u64,
    /// Units there were.
    pub available: u64,
}

/// Units are held. Said again when an open hold takes an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reserved {
    /// The hold.
    pub reservation_id: String,
    /// The order it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Who it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// What is held, at least one line.
    pub items: Vec<Line>,
    /// When the hold ends by itself, unless it is extended.
    pub expires_at: Timestamp,
}

/// An order's units could not be held: the answer to `order.placed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationFailed {
    /// The order.
    pub order_id: String,
    /// The code of the HTTP API, such as `INSUFFICIENT_STOCK`, or [`INVALID`].
    pub reason: String,
    /// All lines that found too little; none when the reason is another.
    pub shortages: Vec<Shortage>,
}

/// A hold was sold, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    /// The hold.
    pub reservation_id: String,
    /// The order it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// What was sold, at least one line; the rest of the hold went back.
    pub items: Vec<Line>,
}

/// A paid order's units could not be sold: the answer to `order.confirmed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmFailed {
    /// The hold that was to be sold; possibly one that nobody knows.
    pub reservation_id: String,
    /// The order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// What was to be sold, as far as it is known.
    pub items: Vec<Line>,
    /// The code of the HTTP API, such as `RESERVATION_RELEASED`, or [`INVALID`].
    pub reason: String,
}

/// A hold was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The hold.
    pub reservation_id: String,
    /// The order it was bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// What is available again; nothing when a hold was released before it was ever made.
    pub items: Vec<Line>,
    /// Why, in the words of who released it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A hold came to its deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expired {
    /// The hold.
    pub reservation_id: String,
    /// The order it was bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// What is available again, at least one line.
    pub items: Vec<Line>,
}

/// Sold units came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    /// The reservation they were sold from.
    pub reservation_id: String,
    /// The order it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// What is available again, at least one line.
    pub items: Vec<Line>,
    /// Why, in the words of who returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Available went from above 0 to 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Depleted {
    /// What.
    pub sku_id: String,
    /// Where.
    pub location_id: String,
    /// Units available now: 0.
    pub available_quantity: u64,
    /// The stock's version. The greater one is the later.
    pub version: u64,
}

/// Available went from 0 to above 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// What.
    pub sku_id: String,
    /// Where.
    pub location_id: String,
    /// Units available now, at least 1.
    pub available_quantity: u64,
    /// The stock's version. The greater one is the later.
    pub version: u64,
}

/// Stock was changed by an adjustment or a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adjusted {
    /// What.
    pub sku_id: String,
    /// Where.
    pub location_id: String,
    /// Units by which available changed.
    pub delta: i64,
    /// Why, in the words of who changed it; empty where none were given.
    pub reason: String,
    /// Units available now.
    pub available_quantity: u64,
    /// The stock's version. The greater one is the later.
    pub version: u64,
}

/// Events of an order stay in its order; a hold without one goes by itself.
macro_rules! reservation_event {
    ($($data:ident = $variant:ident;)*) => {$(
        event_data!(
            $data = $variant,
            key: |it| it.order_id.as_deref().unwrap_or(&it.reservation_id),
            subject: |it| it.reservation_id.as_str()
        );
        impl InventoryEvent for $data {}
    )*};
}

reservation_event! {
    Reserved = InventoryReserved;
    Confirmed = InventoryConfirmed;
    ConfirmFailed = InventoryConfirmFailed;
    Released = InventoryReleased;
    Expired = InventoryExpired;
    Returned = InventoryReturned;
}

event_data!(
    ReservationFailed = InventoryReservationFailed,
    key: |it| it.order_id.as_str(),
    subject: |it| it.order_id.as_str()
);
impl InventoryEvent for ReservationFailed {}

macro_rules! stock_event {
    ($($data:ident = $variant:ident;)*) => {$(
        event_data!(
            $data = $variant,
            key: |it| it.sku_id.as_str(),
            subject: |it| it.sku_id.as_str()
        );
        impl InventoryEvent for $data {}
    )*};
}

stock_event! {
    Depleted = InventoryDepleted;
    Restored = InventoryRestored;
    Adjusted = InventoryAdjusted;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_the_number_of_its_type() {
        fn number<T: InventoryEvent>() -> u8 {
            assert_eq!(T::EVENT_TYPE.inventory_number(), Some(T::NUMBER));
            T::NUMBER.get()
        }
        let numbers = [
            number::<Reserved>(),
            number::<ReservationFailed>(),
            number::<Confirmed>(),
            number::<ConfirmFailed>(),
            number::<Released>(),
            number::<Expired>(),
            number::<Returned>(),
            number::<Depleted>(),
            number::<Restored>(),
            number::<Adjusted>(),
        ];
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
