//! The events that tell a refusal. They change no stock, so the journal does not know them.

use contracts::{Envelope, EventData, EventType, Timestamp, failed_event_id, inventory};
use service_kit::{clock, consumer::HandlerError, outbox::OutboxRow};

use super::command::{Command, Refused, Verdict};

/// The event of a refusal; `None` where there is nothing to tell. The same command refused again is
/// the same event.
pub(super) fn event<U>(
    command: &Command,
    verdict: &Verdict,
    cause: &Envelope<U>,
) -> Result<Option<OutboxRow>, HandlerError> {
    let Verdict::Refused { reason, shortages } = verdict else {
        return Ok(None);
    };
    let order_id = &command.subject;
    let row = match &command.refusal {
        Refused::Silent => return Ok(None),
        Refused::Reservation => {
            let data = inventory::ReservationFailed {
                order_id: order_id.clone(),
                reason: (*reason).to_owned(),
                shortages: shortages.iter().map(shortage).collect(),
            };
            row(EventType::InventoryReservationFailed, order_id, data, cause)
        }
        Refused::Confirm {
            reservation_id,
            items,
        } => {
            let data = inventory::ConfirmFailed {
                reservation_id: reservation_id.clone(),
                order_id: Some(order_id.clone()),
                items: items.clone(),
                reason: (*reason).to_owned(),
            };
            row(EventType::InventoryConfirmFailed, order_id, data, cause)
        }
    };
    row.map(Some)
}

fn row<T: EventData, U>(
    event_type: EventType,
    order_id: &str,
    data: T,
    cause: &Envelope<U>,
) -> Result<OutboxRow, HandlerError> {
    let id = failed_event_id(&cause.id, event_type);
    let now = Timestamp::from_unix_ms(clock::unix_ms()).map_err(HandlerError::transient)?;
    let mut envelope = Envelope::new(id, now, data).caused_by(cause);
    envelope.correlation_id = Some(order_id.to_owned());
    Ok(OutboxRow::new(&envelope)?)
}

fn shortage(short: &inventory_core::Shortage) -> inventory::Shortage {
    inventory::Shortage {
        sku_id: short.key.sku.as_str().to_owned(),
        location_id: short.key.location.as_str().to_owned(),
        requested: short.requested,
        available: short.available,
    }
}
