//! What the service hears.

use contracts::{
    EventType, KRW,
    inventory::Reserved,
    order::{self, Placed, RefundRequested},
};
use service_kit::consumer::{Event, Handler, HandlerError, Outcome};
use sqlx::{MySql, Transaction};

use crate::{
    apply::{Cause, apply, say_refunded},
    payments::Payments,
    state::{Event as What, State},
    store::{self, Kind, Payment, Refund, Status, cut},
};

/// What is consumed.
pub(crate) const CONSUMED: [EventType; 4] = [
    EventType::OrderPlaced,
    EventType::InventoryReserved,
    EventType::OrderCancelled,
    EventType::OrderRefundRequested,
];

/// What is produced.
pub(crate) const PRODUCED: [EventType; 4] = [
    EventType::PaymentCreated,
    EventType::PaymentCompleted,
    EventType::PaymentFailed,
    EventType::PaymentCancelled,
];

/// Handles what others say.
pub(crate) struct Listener(pub(crate) Payments);

type Handled = Result<Outcome, HandlerError>;

impl Handler for Listener {
    fn name(&self) -> &str {
        "payment"
    }

    async fn handle(&self, transaction: &mut Transaction<'_, MySql>, event: &Event<'_>) -> Handled {
        let event_type = event.event_type();
        if event_type == EventType::OrderPlaced {
            self.placed(transaction, event).await
        } else if event_type == EventType::InventoryReserved {
            self.reserved(transaction, event).await
        } else if event_type == EventType::OrderCancelled {
            self.cancelled(transaction, event).await
        } else if event_type == EventType::OrderRefundRequested {
            self.refund(transaction, event).await
        } else {
            Ok(Outcome::Skipped("not for payment"))
        }
    }

    fn committed(&self) {
        self.0.committed();
    }
}

impl Listener {
    async fn placed(&self, transaction: &mut Transaction<'_, MySql>, event: &Event<'_>) -> Handled {
        let envelope = event.decode::<Placed>()?;
        let placed = &envelope.data;
        if placed.total_amount < 1 {
            let what = format!("totalAmount must be at least 1, is {}", placed.total_amount);
            return Err(HandlerError::permanent("INVALID_DATA", what));
        }
        if placed.currency != KRW {
            let what = format!("currency must be {KRW}, is {:?}", placed.currency);
            return Err(HandlerError::permanent("INVALID_DATA", what));
        }
        let mut payment = store::lock_or_create(transaction, &placed.order_id).await?;
        if payment.amount.is_some() {
            return Ok(Outcome::Done);
        }
        let reservation_id = placed
            .reservation_id
            .clone()
            .unwrap_or_else(|| format!("order-{}", placed.order_id));
        payment.hold_expires_ms =
            store::hold(transaction, &placed.order_id, &reservation_id).await?;
        payment.user_id = Some(placed.user_id.clone());
        payment.amount = Some(placed.total_amount);
        payment.currency = Some(placed.currency.clone());
        payment.reservation_id = Some(reservation_id);
        self.prepare(transaction, payment, &Cause::of_event(&envelope))
            .await
    }

    async fn reserved(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> Handled {
        let envelope = event.decode::<Reserved>()?;
        let reserved = &envelope.data;
        let Some(order_id) = &reserved.order_id else {
            return Ok(Outcome::Skipped("a hold without an order"));
        };
        let mut payment = store::lock_or_create(transaction, order_id).await?;
        let expires_ms = reserved.expires_at.unix_ms();
        match &payment.reservation_id {
            // Whether it is the order's is known when the order is.
            None => {
                if payment.state == State::Awaiting {
                    store::keep_hold(transaction, order_id, &reserved.reservation_id, expires_ms)
                        .await?;
                }
                Ok(Outcome::Done)
            }
            Some(expected) if *expected != reserved.reservation_id => {
                Ok(Outcome::Skipped("not the order's hold"))
            }
            Some(_) => {
                if payment.hold_expires_ms.is_none_or(|at| at < expires_ms) {
                    payment.hold_expires_ms = Some(expires_ms);
                }
                self.prepare(transaction, payment, &Cause::of_event(&envelope))
                    .await
            }
        }
    }

    /// Ready, once both are here.
    async fn prepare(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        mut payment: Payment,
        cause: &Cause,
    ) -> Handled {
        if payment.amount.is_some() && payment.hold_expires_ms.is_some() {
            let outbox = &self.0.outbox;
            apply(transaction, outbox, &mut payment, What::Prepared, cause).await?;
        }
        store::save(transaction, &payment).await?;
        Ok(Outcome::Done)
    }

    async fn cancelled(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> Handled {
        let envelope = event.decode::<order::Cancelled>()?;
        // Also where nothing else was heard of the order: what comes later finds it closed.
        let mut payment = store::lock_or_create(transaction, &envelope.data.order_id).await?;
        payment.order_cancelled = true;
        let cause = Cause::of_event(&envelope);
        let outbox = &self.0.outbox;
        apply(
            transaction,
            outbox,
            &mut payment,
            What::OrderCancelled,
            &cause,
        )
        .await?;
        store::save(transaction, &payment).await?;
        Ok(Outcome::Done)
    }

    async fn refund(&self, transaction: &mut Transaction<'_, MySql>, event: &Event<'_>) -> Handled {
        let envelope = event.decode::<RefundRequested>()?;
        let asked = &envelope.data;
        if asked.refund_amount < 1 {
            let what = format!(
                "refundAmount must be at least 1, is {}",
                asked.refund_amount
            );
            return Err(HandlerError::permanent("INVALID_DATA", what));
        }
        let items = serde_json::to_string(&asked.items)
            .map_err(|error| HandlerError::permanent("INVALID_DATA", error))?;
        let Some(payment) = store::lock(transaction, &asked.order_id).await? else {
            return Ok(Outcome::Skipped("an unknown order"));
        };
        let (order_id, refund_id) = (&asked.order_id, &asked.refund_id);
        let kind = Kind::OrderRefund;
        let reason = asked.reason.as_deref().unwrap_or("refund");
        let refund = Refund {
            requested_amount: Some(asked.refund_amount),
            reservation_id: Some(asked.reservation_id.clone()),
            items: (!asked.items.is_empty()).then_some(items),
            cause_id: Some(envelope.id.clone()),
            traceparent: envelope.traceparent.clone(),
            ..Refund::new(order_id, kind, refund_id, cut(reason, 200))
        };
        store::write_refund(transaction, &refund).await?;
        let written = store::lock_refund(transaction, order_id, kind, refund_id).await?;
        let paid_back = written.filter(|refund| {
            refund.status == Status::Done && refund.amount.is_some_and(|amount| amount > 0)
        });
        if let Some(refund) = paid_back {
            // Asked for once more: what was said of it may be lost. Who did hear it knows the refund.
            say_refunded(transaction, &self.0.outbox, &payment, &refund).await?;
        }
        Ok(Outcome::Done)
    }
}
