use inventory_core::{LimitExceeded, Shortage, Status, StockKey};

use super::FieldError;
use crate::wire::{stock, write::Writer};

/// What a problem says beyond its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extra {
    None,
    Errors(Vec<FieldError>),
    Shortages(&'static str, Vec<Shortage>),
    Skus(Vec<StockKey>),
    Limits(Vec<LimitExceeded>),
    ReservationStatus(Status),
    Number(&'static str, u64),
    InUse { available: u64, reserved: u64 },
    Id(&'static str, String),
    Allow(&'static str),
}

impl Extra {
    pub(super) fn write(&self, json: &mut Writer) {
        match self {
            Self::None | Self::Allow(_) => {}
            Self::Errors(errors) => json.array("errors", errors, |json, error| {
                json.text("field", &error.field);
                json.text("reason", &error.reason);
            }),
            Self::Shortages(name, shortages) => json.array(name, shortages, |json, short| {
                stock::key(json, &short.key);
                json.number("requested", short.requested);
                json.number("available", short.available);
            }),
            Self::Skus(keys) => json.array("skus", keys, stock::key),
            Self::Limits(limits) => json.array("limits", limits, |json, limit| {
                json.id("skuId", limit.sku.as_str());
                json.number("limit", limit.limit);
                json.number("used", limit.used);
                json.number("requested", limit.requested);
            }),
            Self::ReservationStatus(status) => json.id("reservationStatus", status.as_str()),
            Self::Number(name, number) => json.number(name, *number),
            Self::InUse {
                available,
                reserved,
            } => {
                json.number("availableQuantity", *available);
                json.number("reservedQuantity", *reserved);
            }
            Self::Id(name, id) => json.text(name, id),
        }
    }
}
