//! A reservation as JSON.

use bytes::Bytes;
use inventory_core::{Reservation, Reserve, Status, TimestampMs};

use super::{lines, write::Writer};

/// Bytes that a body has beside its lines.
const BODY_CAPACITY: usize = 384;
/// Bytes of one line.
const LINE_CAPACITY: usize = 128;

/// The body of a hold that was just taken, from what was asked.
pub(crate) fn new_hold(asked: &Reserve, created: TimestampMs, deadline: TimestampMs) -> Bytes {
    let lines_len = asked.lines.as_slice().len();
    let mut json = Writer::object(BODY_CAPACITY + LINE_CAPACITY * lines_len);
    json.id("reservationId", asked.id.as_str());
    json.id("status", Status::Reserved.as_str());
    lines::write(&mut json, "items", &asked.lines);
    if let Some(order) = &asked.order {
        json.id("orderId", order.as_str());
    }
    if let Some(customer) = &asked.customer {
        json.id("customerId", customer.as_str());
    }
    json.time("createdAt", created);
    json.time("expiresAt", deadline);
    if let Some(metadata) = &asked.metadata {
        json.raw("metadata", metadata.as_json());
    }
    json.finish()
}

/// The body of a stored reservation, shown with `status`.
pub(crate) fn body(reservation: &Reservation, status: Status) -> Bytes {
    let mut json =
        Writer::object(2 * BODY_CAPACITY + LINE_CAPACITY * reservation.lines.as_slice().len());
    json.id("reservationId", reservation.id.as_str());
    json.id("status", status.as_str());
    lines::write(&mut json, "items", &reservation.lines);
    if let Some(order) = &reservation.order {
        json.id("orderId", order.as_str());
    }
    if let Some(customer) = &reservation.customer {
        json.id("customerId", customer.as_str());
    }
    json.time("createdAt", reservation.created);
    json.time("expiresAt", reservation.deadline);
    if let Some(metadata) = &reservation.metadata {
        json.raw("metadata", metadata.as_json());
    }
    outcome(&mut json, reservation);
    json.finish()
}

/// What became of it.
fn outcome(json: &mut Writer, reservation: &Reservation) {
    if let Some(confirmed) = &reservation.confirmed {
        json.time("confirmedAt", confirmed.at);
        lines::write(json, "confirmedItems", &confirmed.lines);
        if confirmed.reacquired {
            json.boolean("reacquired", true);
        }
    }
    if let Some(released) = &reservation.released {
        json.time("releasedAt", released.at);
        if let Some(reason) = &released.reason {
            json.text("releaseReason", reason.as_str());
        }
    }
    if let Some(expired) = reservation.expired_at {
        json.time("expiredAt", expired);
    }
    if !reservation.returns.is_empty() {
        json.array("returned", &reservation.returns, |json, returned| {
            json.id("returnId", returned.id.as_str());
            lines::write(json, "items", &returned.lines);
            json.time("returnedAt", returned.at);
        });
    }
}
