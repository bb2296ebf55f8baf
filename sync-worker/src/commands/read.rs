//! Events as commands.
//!
//! Only what a command needs is read, so a bare event is as good as a whole one. What names its order
//! and is wrong otherwise is a command that gets an answer; what does not can only be put aside.

use std::fmt::Write as _;

use contracts::{Envelope, EventType, inventory, order::Item};
use inventory_core::{
    Confirm, Context, Count, CustomerId, LimitChange, Line, Lines, Location, OperationId, OrderId,
    Release, ReservationId, Reserve, Return, Sku, StockKey, Text,
    limits::{LINES_MAX, QUANTITY_MAX, STOCK_MAX},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use service_kit::consumer::HandlerError;
use sha2::{Digest as _, Sha256};

use super::command::{Command, Kind, Refused, Task};
use crate::limits::COMMAND_SUBJECT_LEN_MAX;

/// Who stands in the journal for a command.
const ACTOR: &str = "saga";

/// What an event asks for.
#[derive(Debug)]
pub(super) enum Asked {
    /// This.
    Command(Box<Command>),
    /// Nothing, and why.
    Nothing(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    user_id: Option<String>,
    reservation_id: Option<String>,
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirmed {
    reservation_id: Option<String>,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaidBack {
    order_id: String,
    reservation_id: Option<String>,
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SkuCreated {
    initial_quantity: i64,
}

/// Reads an event; a hold for an order lasts `hold_ms`.
///
/// # Errors
/// [`HandlerError::Permanent`] for what nobody can be given an answer to.
pub(super) fn read(
    event_type: EventType,
    cause: &Envelope<&RawValue>,
    hold_ms: u32,
) -> Result<Asked, HandlerError> {
    let data = cause.data.get();
    let context = context(cause);
    let command = match event_type {
        EventType::OrderPlaced => placed(data, context, hold_ms)?,
        EventType::OrderConfirmed => confirmed(data, context)?,
        EventType::OrderCancelled => cancelled(data, context)?,
        EventType::PaymentCancelled => return paid_back(data, context),
        EventType::ProductSkuCreated => created(data, context)?,
        EventType::InventoryReserved
        | EventType::InventoryReservationFailed
        | EventType::InventoryConfirmed
        | EventType::InventoryConfirmFailed
        | EventType::InventoryReleased
        | EventType::InventoryExpired
        | EventType::InventoryReturned
        | EventType::InventoryDepleted
        | EventType::InventoryRestored
        | EventType::InventoryAdjusted
        | EventType::OrderRefundRequested
        | EventType::PaymentCreated
        | EventType::PaymentCompleted
        | EventType::PaymentFailed
        | EventType::ProductChanged
        | EventType::UserRegistered
        | EventType::UserLocked => return Ok(Asked::Nothing("no command")),
    };
    Ok(Asked::Command(Box::new(command)))
}

/// What causes the change: whoever reads its event finds the command's.
fn context(cause: &Envelope<&RawValue>) -> Context {
    let text = |text: &str| Text::parse(text).ok();
    Context {
        actor: text(ACTOR),
        request_id: text(&cause.id).or_else(|| text(&stand_in(&cause.id))),
        traceparent: cause.traceparent.as_deref().and_then(text),
    }
}

/// For an id that the journal cannot have: longer than its texts, or with control characters. The same
/// for a repeat, which must find what it did.
fn stand_in(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().fold("event-".to_owned(), |mut text, byte| {
        // Nothing goes wrong when a String is written to.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn placed(data: &str, context: Context, hold_ms: u32) -> Result<Command, HandlerError> {
    let order = subject(data, "orderId")?;
    let task = shape::<Placed>(data).and_then(|placed| {
        let id = order_id(&order)?;
        let customer = placed.user_id.as_deref().map(CustomerId::parse);
        Ok(Task::Reserve(Box::new(Reserve {
            id: reservation_id(placed.reservation_id.as_deref(), &id)?,
            lines: lines(&placed.items)?,
            ttl_ms: hold_ms,
            order: Some(id),
            customer: customer
                .transpose()
                .map_err(|error| format!("userId {error}"))?,
            metadata: None,
            context,
        })))
    });
    Ok(Command {
        kind: Kind::Reserve,
        order: Some(order.clone()),
        subject: order,
        task: task.unwrap_or_else(Task::Invalid),
        refusal: Refused::Reservation,
    })
}

fn confirmed(data: &str, context: Context) -> Result<Command, HandlerError> {
    let order = subject(data, "orderId")?;
    let shape = shape::<Confirmed>(data);
    let known = shape.as_ref().ok();
    let named = known.and_then(|confirmed| confirmed.reservation_id.clone());
    let refusal = Refused::Confirm {
        reservation_id: named
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| derived(&order)),
        items: known.map_or_else(Vec::new, |confirmed| told(&confirmed.items)),
    };
    let task = shape.and_then(|confirmed| {
        let order = order_id(&order)?;
        let confirm = Confirm {
            id: reservation_id(confirmed.reservation_id.as_deref(), &order)?,
            lines: Some(lines(&confirmed.items)?),
            reacquire: true,
            context,
        };
        Ok(Task::Confirm { order, confirm })
    });
    Ok(Command {
        kind: Kind::Confirm,
        order: Some(order.clone()),
        subject: order,
        task: task.unwrap_or_else(Task::Invalid),
        refusal,
    })
}

/// A release has no answer that says no: what cannot be there is released. So every field is read by
/// itself, and one that is wrong keeps no hold from being given back: without a usable name it is the one
/// that was made for the order, without usable items it cannot be what a customer named. Only where the
/// order itself could never have one there is nothing to do.
fn cancelled(data: &str, context: Context) -> Result<Command, HandlerError> {
    let order = subject(data, "orderId")?;
    let value: Value = serde_json::from_str(data).map_err(invalid_data)?;
    let text = |field| value.get(field).and_then(Value::as_str);
    let named = text("reservationId").and_then(|named| ReservationId::derived(named).ok());
    let task = order_id(&order).and_then(|id| {
        let reservation = match named {
            Some(named) => named,
            None => reservation_id(None, &id)?,
        };
        let items = value.get("items").cloned().unwrap_or_default();
        let items: Option<Vec<Item>> = serde_json::from_value(items).ok();
        Ok(Task::Release {
            release: Release {
                tombstone: reservation.as_str() == derived(&order),
                id: reservation,
                reason: text("reason").and_then(|reason| Text::parse(reason).ok()),
                context,
            },
            order: id,
            lines: items.and_then(|items| lines(&items).ok()),
        })
    });
    Ok(Command {
        kind: Kind::Release,
        order: Some(order.clone()),
        subject: order,
        // A place has no order of such an id either: it is INVALID.
        task: task.unwrap_or(Task::Nothing),
        refusal: Refused::Silent,
    })
}

/// Money and goods: what cannot be read must come before somebody's eyes.
fn paid_back(data: &str, context: Context) -> Result<Asked, HandlerError> {
    let paid_back = shape::<PaidBack>(data).map_err(invalid_data)?;
    let Some(items) = paid_back.items.filter(|items| !items.is_empty()) else {
        return Ok(Asked::Nothing("no goods come back"));
    };
    let refund = subject(data, "refundId")?;
    let give = || {
        let order = order_id(&paid_back.order_id)?;
        let give = Return {
            id: reservation_id(paid_back.reservation_id.as_deref(), &order)?,
            return_id: OperationId::derived(&refund)
                .map_err(|error| format!("refundId {error}"))?,
            lines: Some(lines(&items)?),
            context,
        };
        Ok(Task::Return { order, give })
    };
    Ok(Asked::Command(Box::new(Command {
        kind: Kind::Return,
        task: give().map_err(invalid)?,
        order: Some(paid_back.order_id.clone()),
        subject: refund,
        refusal: Refused::Silent,
    })))
}

fn created(data: &str, context: Context) -> Result<Command, HandlerError> {
    let sku = subject(data, "skuId")?;
    let created = shape::<SkuCreated>(data).map_err(invalid_data)?;
    let count = || {
        let on_hand = u64::try_from(created.initial_quantity).ok();
        Ok(Count {
            operation: OperationId::derived(&format!("sku-created:{sku}"))
                .map_err(|error| format!("skuId {error}"))?,
            key: StockKey {
                location: Location::default(),
                sku: Sku::parse(&sku).map_err(|error| format!("skuId {error}"))?,
            },
            on_hand: on_hand
                .filter(|on_hand| *on_hand <= STOCK_MAX)
                .ok_or_else(|| format!("initialQuantity must be 0 to {STOCK_MAX}"))?,
            expected_version: Some(0),
            limit: LimitChange::Keep,
            reason: Text::parse("initial quantity").ok(),
            context,
        })
    };
    Ok(Command {
        kind: Kind::Create,
        task: Task::Create(count().map_err(invalid)?),
        subject: sku,
        order: None,
        refusal: Refused::Silent,
    })
}

/// What the command's key is made of.
fn subject(data: &str, field: &str) -> Result<String, HandlerError> {
    let data: Value = serde_json::from_str(data).map_err(invalid_data)?;
    let usable = |text: &&str| {
        (1..=COMMAND_SUBJECT_LEN_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match data.get(field).and_then(Value::as_str).filter(usable) {
        Some(subject) => Ok(subject.to_owned()),
        None => Err(invalid_data(format!(
            "{field} must be a text of 1 to {COMMAND_SUBJECT_LEN_MAX} printable ASCII characters"
        ))),
    }
}

fn invalid_data(error: impl ToString) -> HandlerError {
    HandlerError::permanent("INVALID_DATA", error)
}

fn invalid(error: String) -> HandlerError {
    HandlerError::permanent(inventory::INVALID, error)
}

fn shape<T: DeserializeOwned>(data: &str) -> Result<T, String> {
    serde_json::from_str(data).map_err(|error| error.to_string())
}

fn order_id(text: &str) -> Result<OrderId, String> {
    OrderId::parse(text).map_err(|error| format!("orderId {error}"))
}

/// The name of a hold that was made for an order.
fn derived(order: &str) -> String {
    format!("order-{order}")
}

fn reservation_id(named: Option<&str>, order: &OrderId) -> Result<ReservationId, String> {
    let derived = derived(order.as_str());
    ReservationId::derived(named.unwrap_or(&derived))
        .map_err(|error| format!("reservationId {error}"))
}

fn lines(items: &[Item]) -> Result<Lines, String> {
    let line = |(index, item): (usize, &Item)| {
        let quantity = u32::try_from(item.quantity).ok();
        Ok(Line {
            sku: Sku::parse(&item.sku_id)
                .map_err(|error| format!("items[{index}].skuId {error}"))?,
            location: Location::default(),
            quantity: quantity
                .ok_or_else(|| format!("items[{index}].quantity must be 1 to {QUANTITY_MAX}"))?,
        })
    };
    let lines: Result<Vec<_>, String> = items.iter().enumerate().map(line).collect();
    Lines::summed(lines?).map_err(|error| format!("items: {error}"))
}

/// What was to be sold, as far as an event can say it.
fn told(items: &[Item]) -> Vec<inventory::Line> {
    let line = |item: &Item| {
        Some(inventory::Line {
            sku_id: Sku::parse(&item.sku_id).ok()?.as_str().to_owned(),
            location_id: Location::DEFAULT.to_owned(),
            quantity: u32::try_from(item.quantity)
                .ok()
                .filter(|quantity| (1..=QUANTITY_MAX).contains(quantity))?,
        })
    };
    items.iter().filter_map(line).take(LINES_MAX).collect()
}

#[cfg(test)]
mod tests;
