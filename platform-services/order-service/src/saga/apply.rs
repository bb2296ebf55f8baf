use contracts::inventory::Shortage;
use serde_json::json;
use service_kit::outbox::Outbox;
use sqlx::MySqlConnection;

use super::{
    deadlines::Deadlines,
    emit::{Cause, Emitter},
};
use crate::{
    domain::{Command, Decision, Event, Status, decide},
    error::Error,
    metrics::OrderMetrics,
    tables::{
        items,
        orders::{self, Order},
        refunds, timeline,
    },
};

/// Longest detail of a cancellation, in characters.
const DETAIL_LEN_MAX: usize = 200;

/// What happened to an order, with what is kept of it.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) event: Event,
    /// The code behind it.
    pub(crate) detail: Option<String>,
    pub(crate) shortages: Option<String>,
    pub(crate) payment_id: Option<String>,
    /// The refund that was paid.
    pub(crate) refund_id: Option<String>,
}

impl From<Event> for Happened {
    fn from(event: Event) -> Self {
        Self {
            event,
            detail: None,
            shortages: None,
            payment_id: None,
            refund_id: None,
        }
    }
}

/// The shortages as the row keeps and answers show them; `None` when there are none.
pub(crate) fn shortages_json(shortages: &[Shortage]) -> Option<String> {
    (!shortages.is_empty()).then(|| json!(shortages).to_string())
}

/// Changes orders. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Saga {
    pub(crate) emitter: Emitter,
    pub(crate) deadlines: Deadlines,
    pub(crate) metrics: OrderMetrics,
}

impl Saga {
    pub(crate) const fn new(outbox: Outbox, deadlines: Deadlines, metrics: OrderMetrics) -> Self {
        Self {
            emitter: Emitter::new(outbox),
            deadlines,
            metrics,
        }
    }

    /// Decides about an order whose row the caller's transaction has locked, writes what changes,
    /// and what follows into the outbox. `order` is as it is now afterwards.
    pub(crate) async fn apply(
        &self,
        connection: &mut MySqlConnection,
        order: &mut Order,
        happened: &Happened,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<Decision, Error> {
        let before = order.status;
        let decision = decide(&order.state(), happened.event);
        let mut changed = note(order, happened);
        if let Some(refund_id) = &happened.refund_id {
            refunds::done(connection, refund_id, now_ms).await?;
            items::refunded(connection, &order.order_id, refund_id).await?;
        }
        let command = match decision {
            Decision::Ignore(why) => {
                self.metrics.ignored(happened.event, why);
                None
            }
            Decision::Tell(command) => Some(command),
            Decision::Move {
                transition,
                command,
            } => {
                changed = true;
                order.status = transition.to;
                if transition.to == Status::Cancelled {
                    order.cancel_reason = transition.reason;
                    order.cancel_detail = happened
                        .detail
                        .as_deref()
                        .map(|detail| detail.chars().take(DETAIL_LEN_MAX).collect());
                    order.shortages.clone_from(&happened.shortages);
                }
                order.step_at_ms = now_ms;
                order.redrives = 0;
                self.write_steps(connection, order, before, cause, now_ms)
                    .await?;
                self.metrics.moved(order, now_ms);
                command
            }
        };
        if changed {
            if order.status != before || happened.refund_id.is_some() {
                self.set_check(connection, order, now_ms).await?;
            }
            order.updated_at_ms = now_ms;
            orders::update(connection, order).await?;
        }
        match command {
            None | Some(Command::PayBack) => {}
            Some(command @ (Command::SellStock | Command::CallOff)) => {
                let items = items::read(connection, &order.order_id).await?;
                let emitter = &self.emitter;
                if command == Command::SellStock {
                    emitter
                        .confirmed(connection, order, &items, cause, now_ms)
                        .await?;
                } else {
                    emitter
                        .cancelled(connection, order, &items, cause, now_ms)
                        .await?;
                }
            }
        }
        Ok(decision)
    }

    /// The timeline's rows: what was implied on the way, then where it stands.
    async fn write_steps(
        &self,
        connection: &mut MySqlConnection,
        order: &Order,
        before: Status,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let (id, cause) = (&order.order_id, &cause.id);
        for implied in before.implied_until(order.status) {
            timeline::insert(connection, id, implied, None, now_ms, cause).await?;
        }
        let reason = order.cancel_reason;
        Ok(timeline::insert(connection, id, order.status, reason, now_ms, cause).await?)
    }

    /// When the watchdog is to look at it next.
    async fn set_check(
        &self,
        connection: &mut MySqlConnection,
        order: &mut Order,
        now_ms: i64,
    ) -> Result<(), Error> {
        let pending = order.status.is_sold()
            && refunds::read(connection, &order.order_id)
                .await?
                .iter()
                .any(refunds::Refund::is_pending);
        let deadline = self.deadlines.of(order.status, pending);
        order.check_at_ms = deadline.map(|deadline| now_ms.saturating_add(deadline));
        Ok(())
    }
}

/// Keeps what the event says, whatever is decided. Whether there was something to keep.
fn note(order: &mut Order, happened: &Happened) -> bool {
    let mut changed = false;
    if order.payment_id.is_none() && happened.payment_id.is_some() {
        order.payment_id.clone_from(&happened.payment_id);
        changed = true;
    }
    match happened.event {
        Event::HoldConfirmed if order.status.is_unpaid() && !order.sold_early => {
            order.sold_early = true;
            changed = true;
        }
        Event::PaymentCancelled { amount } if amount > 0 => {
            order.refunded_amount = order.refunded_amount.saturating_add(amount);
            changed = true;
        }
        Event::RefundPaid { amount, units } => {
            order.refunded_amount = order.refunded_amount.saturating_add(amount);
            order.units_refunded = order.units_refunded.saturating_add(units);
            changed = true;
        }
        Event::HoldReserved
        | Event::HoldRefused
        | Event::HoldConfirmed
        | Event::HoldConfirmFailed
        | Event::HoldReleased
        | Event::HoldExpired
        | Event::HoldReturned
        | Event::PaymentCreated
        | Event::PaymentCompleted { .. }
        | Event::PaymentFailed
        | Event::PaymentCancelled { .. }
        | Event::CancelRequested
        | Event::TimedOut
        | Event::RefundRequested => {}
    }
    changed
}
