//! Events of others, in the consumer's transaction.

use contracts::{Amount, AnyEvent, EventType, KRW};
use service_kit::{
    clock,
    consumer::{Event as Message, Handler, HandlerError, Outcome},
    relay::Waker,
};
use sqlx::{MySql, MySqlConnection, Transaction};

use super::{Cause, Happened, Saga, shortages_json};
use crate::{
    domain::Event,
    error::Error,
    tables::{
        orders::{self, Order},
        refunds,
    },
};

/// What order-service consumes.
pub(crate) const CONSUMED: [EventType; 11] = [
    EventType::InventoryReserved,
    EventType::InventoryReservationFailed,
    EventType::InventoryConfirmed,
    EventType::InventoryConfirmFailed,
    EventType::InventoryReleased,
    EventType::InventoryExpired,
    EventType::InventoryReturned,
    EventType::PaymentCreated,
    EventType::PaymentCompleted,
    EventType::PaymentFailed,
    EventType::PaymentCancelled,
];

/// What the inventory says of a hold that ended before its order came.
const RESERVATION_EXPIRED: &str = "RESERVATION_EXPIRED";
const RESERVATION_RELEASED: &str = "RESERVATION_RELEASED";

/// An amount that no order costs.
const OTHER_CURRENCY: Amount = -1;

/// A hold that no order has.
const NO_ORDER: &str = "no order";
/// An order of somebody else's, or one that is gone.
const UNKNOWN_ORDER: &str = "unknown order";
/// A hold that is not the order's.
const OTHER_RESERVATION: &str = "another reservation";
const NOT_OURS: &str = "not for order";

/// Handles the events of the inventory and of payments.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    saga: Saga,
    relay: Waker,
}

/// What an event says, before the order is looked at.
struct Said {
    order_id: String,
    /// The hold that it is about; `None` where it names none.
    reservation_id: Option<String>,
    refund_id: Option<String>,
    happened: Happened,
}

impl OrderEvents {
    pub(crate) const fn new(saga: Saga, relay: Waker) -> Self {
        Self { saga, relay }
    }
}

impl Handler for OrderEvents {
    fn name(&self) -> &str {
        "order"
    }

    async fn handle(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        message: &Message<'_>,
    ) -> Result<Outcome, HandlerError> {
        let said = match said(message.decode_any()?.data) {
            Ok(said) => said,
            Err(why) => return Ok(Outcome::Skipped(why)),
        };
        let connection = &mut **transaction;
        let Some(mut order) = orders::lock(connection, &said.order_id).await? else {
            return Ok(Outcome::Skipped(UNKNOWN_ORDER));
        };
        if said
            .reservation_id
            .as_ref()
            .is_some_and(|hold| *hold != order.reservation_id)
        {
            return Ok(Outcome::Skipped(OTHER_RESERVATION));
        }
        let happened = of_refund(connection, &order, said).await?;
        let cause = Cause::event(message);
        self.saga
            .apply(connection, &mut order, &happened, &cause, clock::unix_ms())
            .await?;
        Ok(Outcome::Done)
    }

    fn committed(&self) {
        self.relay.wake();
    }
}

/// A cancelled payment that answers a pending refund of this order is that refund, paid.
async fn of_refund(
    connection: &mut MySqlConnection,
    order: &Order,
    said: Said,
) -> Result<Happened, Error> {
    let Event::PaymentCancelled { amount } = said.happened.event else {
        return Ok(said.happened);
    };
    let Some(refund_id) = said.refund_id else {
        return Ok(said.happened);
    };
    let known = refunds::read(connection, &order.order_id).await?;
    let Some(refund) = known.into_iter().find(|known| known.refund_id == refund_id) else {
        return Ok(said.happened);
    };
    if !refund.is_pending() {
        // Said again under another id: it was counted.
        return Ok(Happened {
            event: Event::PaymentCancelled { amount: 0 },
            ..said.happened
        });
    }
    Ok(Happened {
        event: Event::RefundPaid {
            amount: if amount > 0 { amount } else { refund.amount },
            units: refund.units,
        },
        refund_id: Some(refund_id),
        ..said.happened
    })
}

/// Why an order has no hold. One that the customer had and that ended before the order got it ended as
/// any other does: nothing was out of stock.
fn not_held(reason: String) -> Happened {
    match reason.as_str() {
        RESERVATION_EXPIRED => Event::HoldExpired.into(),
        RESERVATION_RELEASED => Event::HoldReleased.into(),
        _ => Happened {
            detail: Some(reason),
            ..Event::HoldRefused.into()
        },
    }
}

fn said(event: AnyEvent) -> Result<Said, &'static str> {
    let hold = |order_id: Option<String>, reservation_id: String, event: Event, detail| {
        Ok(Said {
            order_id: order_id.ok_or(NO_ORDER)?,
            reservation_id: Some(reservation_id),
            refund_id: None,
            happened: Happened {
                detail,
                ..Happened::from(event)
            },
        })
    };
    let payment = |order_id: String, payment_id: String, event: Event, detail, refund_id| {
        Ok(Said {
            order_id,
            reservation_id: None,
            refund_id,
            happened: Happened {
                detail,
                payment_id: Some(payment_id),
                ..Happened::from(event)
            },
        })
    };
    match event {
        AnyEvent::InventoryReserved(it) => {
            hold(it.order_id, it.reservation_id, Event::HoldReserved, None)
        }
        AnyEvent::InventoryConfirmed(it) => {
            hold(it.order_id, it.reservation_id, Event::HoldConfirmed, None)
        }
        AnyEvent::InventoryConfirmFailed(it) => hold(
            it.order_id,
            it.reservation_id,
            Event::HoldConfirmFailed,
            Some(it.reason),
        ),
        AnyEvent::InventoryReleased(it) => hold(
            it.order_id,
            it.reservation_id,
            Event::HoldReleased,
            it.reason,
        ),
        AnyEvent::InventoryExpired(it) => {
            hold(it.order_id, it.reservation_id, Event::HoldExpired, None)
        }
        AnyEvent::InventoryReturned(it) => {
            hold(it.order_id, it.reservation_id, Event::HoldReturned, None)
        }
        AnyEvent::InventoryReservationFailed(it) => Ok(Said {
            order_id: it.order_id,
            reservation_id: None,
            refund_id: None,
            happened: Happened {
                shortages: shortages_json(&it.shortages),
                ..not_held(it.reason)
            },
        }),
        AnyEvent::PaymentCreated(it) => payment(
            it.order_id,
            it.payment_id,
            Event::PaymentCreated,
            None,
            None,
        ),
        AnyEvent::PaymentCompleted(it) => {
            // Orders are in won: what was paid in something else is not what they cost.
            let amount = if it.currency == KRW {
                it.amount
            } else {
                OTHER_CURRENCY
            };
            let completed = Event::PaymentCompleted { amount };
            payment(it.order_id, it.payment_id, completed, None, None)
        }
        AnyEvent::PaymentFailed(it) => payment(
            it.order_id,
            it.payment_id,
            Event::PaymentFailed,
            it.reason,
            None,
        ),
        AnyEvent::PaymentCancelled(it) => {
            let amount = it.cancelled_amount.unwrap_or_default().max(0);
            let cancelled = Event::PaymentCancelled { amount };
            payment(
                it.order_id,
                it.payment_id,
                cancelled,
                it.reason,
                it.refund_id,
            )
        }
        AnyEvent::InventoryDepleted(_)
        | AnyEvent::InventoryRestored(_)
        | AnyEvent::InventoryAdjusted(_)
        | AnyEvent::OrderPlaced(_)
        | AnyEvent::OrderConfirmed(_)
        | AnyEvent::OrderCancelled(_)
        | AnyEvent::OrderRefundRequested(_)
        | AnyEvent::ProductSkuCreated(_)
        | AnyEvent::ProductChanged(_)
        | AnyEvent::UserRegistered(_)
        | AnyEvent::UserLocked(_)
        | AnyEvent::Unknown(_) => Err(NOT_OURS),
    }
}
