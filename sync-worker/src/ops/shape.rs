//! A reservation as JSON, in the shape of the inventory server.

use inventory_core::{Lines, Reservation, TimestampMs};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::time::rfc3339;

/// One line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemJson {
    sku_id: String,
    location_id: String,
    quantity: u32,
}

/// One return.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReturnJson {
    return_id: String,
    items: Vec<ItemJson>,
    returned_at: String,
}

/// A reservation, as `GET /api/reservations/{id}` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservationJson {
    reservation_id: String,
    status: &'static str,
    items: Vec<ItemJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_items: Option<Vec<ItemJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reacquired: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    released_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired_at: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    returned: Vec<ReturnJson>,
}

fn items(lines: &Lines) -> Vec<ItemJson> {
    let item = |line: &inventory_core::Line| ItemJson {
        sku_id: line.sku.to_string(),
        location_id: line.location.to_string(),
        quantity: line.quantity,
    };
    lines.iter().map(item).collect()
}

impl From<&Reservation> for ReservationJson {
    fn from(r: &Reservation) -> Self {
        let at = |at: TimestampMs| rfc3339(at);
        let (confirmed, released) = (r.confirmed.as_ref(), r.released.as_ref());
        let metadata = r.metadata.as_ref().map(|m| m.as_json().to_owned());
        Self {
            reservation_id: r.id.to_string(),
            status: r.status.as_str(),
            items: items(&r.lines),
            order_id: r.order.as_ref().map(ToString::to_string),
            customer_id: r.customer.as_ref().map(ToString::to_string),
            created_at: at(r.created),
            expires_at: at(r.deadline),
            metadata: metadata.and_then(|json| RawValue::from_string(json).ok()),
            confirmed_at: confirmed.map(|c| at(c.at)),
            confirmed_items: confirmed.map(|c| items(&c.lines)),
            reacquired: confirmed.filter(|c| c.reacquired).map(|_| true),
            released_at: released.map(|r| at(r.at)),
            release_reason: released
                .and_then(|r| r.reason.as_ref())
                .map(|reason| reason.as_str().to_owned()),
            expired_at: r.expired_at.map(at),
            returned: r.returns.iter().map(returned).collect(),
        }
    }
}

fn returned(returned: &inventory_core::Returned) -> ReturnJson {
    ReturnJson {
        return_id: returned.id.to_string(),
        items: items(&returned.lines),
        returned_at: rfc3339(returned.at),
    }
}
