//! Finds orders past the deadline of their step, says again what they wait for, asks what became of
//! their hold, and gives up those that are not paid in time. Any number of replicas may run: each
//! order is taken by one of them, in a transaction of its own that passes over locked rows.

use std::time::Duration;

use contracts::order as events;
use service_kit::{clock, db, http::RequestContext};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::{
    domain::{Event, Status},
    error::Error,
    limits::{IDEMPOTENCY_KEEP_DAYS, WATCHDOG_BACKOFF_MAX, WATCHDOG_ROUND_MAX},
    neighbours::Hold,
    saga::{Cause, Happened},
    shop::Shop,
    tables::{
        idempotency, items,
        orders::{self, Order},
        refunds,
    },
};

const DAY_MS: i64 = 86_400_000;

/// What is left to ask after an order was pushed.
struct Pushed {
    order_id: String,
    reservation_id: String,
    status: Status,
    cause: Cause,
    span: Span,
}

impl Shop {
    /// Looks every `period` until `stop`.
    pub(crate) async fn watch(self, period: Duration, stop: CancellationToken) {
        loop {
            if let Err(error) = self.round(&stop).await {
                tracing::warn!(%error, "the watchdog could not look at all orders");
            }
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn round(&self, stop: &CancellationToken) -> Result<(), Error> {
        for _ in 0..WATCHDOG_ROUND_MAX {
            if stop.is_cancelled() {
                return Ok(());
            }
            match self.push_one().await {
                Ok(None) => break,
                Ok(Some(pushed)) => {
                    let span = pushed.span.clone();
                    self.ask(pushed).instrument(span).await?;
                }
                // Somebody works on the same rows: the next round sees what is left.
                Err(error) if error.is_contention() => break,
                Err(error) => return Err(error),
            }
        }
        self.count_stuck().await?;
        let before_ms = clock::unix_ms().saturating_sub(IDEMPOTENCY_KEEP_DAYS * DAY_MS);
        idempotency::purge(&mut *self.pool.acquire().await?, before_ms).await?;
        Ok(())
    }

    /// Takes the order that is due the longest and pushes it; `None` when none is due.
    async fn push_one(&self) -> Result<Option<Pushed>, Error> {
        // Without locks on gaps: new orders come in all the time.
        let begin = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN";
        let mut transaction = db::begin_with(&self.pool, begin).await?;
        let now_ms = clock::unix_ms();
        let Some(mut order) = orders::lock_due(&mut transaction, now_ms).await? else {
            transaction.rollback().await?;
            return Ok(None);
        };
        let (cause, span) = Cause::watchdog(&order.order_id);
        let pushed = Pushed {
            order_id: order.order_id.clone(),
            reservation_id: order.reservation_id.clone(),
            status: order.status,
            cause: cause.clone(),
            span: span.clone(),
        };
        self.push(&mut transaction, &mut order, &cause, now_ms)
            .instrument(span)
            .await?;
        transaction.commit().await?;
        self.relay.wake();
        Ok(Some(pushed))
    }

    async fn push(
        &self,
        connection: &mut sqlx::MySqlConnection,
        order: &mut Order,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let age_ms = now_ms.saturating_sub(order.created_at_ms);
        tracing::warn!(
            order_id = order.order_id,
            status = order.status.word(),
            redrives = order.redrives,
            cause = cause.id,
            "an order is past its deadline"
        );
        if order.status.is_unpaid() && age_ms >= self.saga.deadlines.unpaid_max_ms {
            let happened = Happened::from(Event::TimedOut);
            self.saga
                .apply(connection, order, &happened, cause, now_ms)
                .await
                .map(drop)
        } else {
            self.redrive(connection, order, cause, now_ms).await
        }
    }

    /// Says the command of the order's step again. Who takes it knows it by its key.
    async fn redrive(
        &self,
        connection: &mut sqlx::MySqlConnection,
        order: &mut Order,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let emitter = &self.saga.emitter;
        let mut pending = false;
        match order.status {
            Status::Placed | Status::Reserved => {
                let items = items::read(connection, &order.order_id).await?;
                emitter
                    .placed(connection, order, &items, cause, now_ms)
                    .await?;
            }
            Status::Paid => {
                let items = items::read(connection, &order.order_id).await?;
                emitter
                    .confirmed(connection, order, &items, cause, now_ms)
                    .await?;
            }
            Status::Confirmed | Status::PartiallyRefunded | Status::Refunded => {
                pending = self
                    .redrive_refunds(connection, order, cause, now_ms)
                    .await?;
            }
            // The customer's turn: nothing to say. Cancelled orders are never due.
            Status::PaymentPending | Status::Cancelled => {}
        }
        let deadline = self.saga.deadlines.of(order.status, pending);
        order.check_at_ms = deadline.map(|deadline| {
            let factor = 1_i64 << order.redrives.min(20);
            now_ms.saturating_add(deadline.saturating_mul(factor.min(WATCHDOG_BACKOFF_MAX)))
        });
        if order.status.is_unpaid() {
            // Never later than the moment it is given up.
            let end = order
                .created_at_ms
                .saturating_add(self.saga.deadlines.unpaid_max_ms);
            order.check_at_ms = order.check_at_ms.map(|at| at.min(end));
        }
        if deadline.is_some() {
            order.redrives = order.redrives.saturating_add(1);
            self.saga.metrics.redriven(order.status);
        } else {
            order.redrives = 0;
        }
        orders::update(connection, order).await
    }

    /// Whether there are refunds that are not paid back.
    async fn redrive_refunds(
        &self,
        connection: &mut sqlx::MySqlConnection,
        order: &Order,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<bool, Error> {
        let all = refunds::read(connection, &order.order_id).await?;
        let items = refunds::read_items(connection, &order.order_id).await?;
        let mut pending = false;
        for refund in all.iter().filter(|refund| refund.is_pending()) {
            pending = true;
            let lines = items.iter().filter(|it| it.refund_id == refund.refund_id);
            let lines = lines.map(|it| events::Item {
                sku_id: it.sku_id.clone(),
                quantity: i64::from(it.quantity),
            });
            self.saga
                .emitter
                .refund_requested(connection, order, refund, lines.collect(), cause, now_ms)
                .await?;
        }
        Ok(pending)
    }

    /// The command may have been answered, and the answer lost: a command said again is not
    /// answered again. So the hold itself is asked.
    async fn ask(&self, pushed: Pushed) -> Result<(), Error> {
        if pushed.status.is_sold() || pushed.status == Status::Cancelled {
            return Ok(());
        }
        let context = RequestContext {
            request_id: pushed.cause.id.clone(),
            traceparent: pushed.cause.traceparent.clone(),
            ..RequestContext::default()
        };
        let hold = match self.neighbours.hold(&pushed.reservation_id, &context).await {
            Ok(Some(hold)) if hold.order_id.as_deref() == Some(&pushed.order_id) => hold,
            // None, or not ours yet; or nobody answers. The next look asks again.
            Ok(_) | Err(Error::Refused(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let Some(event) = told_by(&hold, pushed.status) else {
            return Ok(());
        };
        let mut transaction = db::begin(&self.pool).await?;
        let Some(mut order) = orders::lock(&mut transaction, &pushed.order_id).await? else {
            return Ok(());
        };
        if order.status != pushed.status {
            return Ok(());
        }
        let happened = Happened::from(event);
        let now_ms = clock::unix_ms();
        self.saga
            .apply(
                &mut transaction,
                &mut order,
                &happened,
                &pushed.cause,
                now_ms,
            )
            .await?;
        transaction.commit().await?;
        self.saga.metrics.asked(pushed.status);
        self.relay.wake();
        Ok(())
    }

    async fn count_stuck(&self) -> Result<(), Error> {
        let stuck = orders::stuck(&mut *self.pool.acquire().await?).await?;
        for status in Status::ALL {
            let of_status = stuck.iter().find(|(word, _)| word == status.word());
            let orders = of_status.map_or(0, |(_, orders)| *orders);
            self.saga.metrics.stuck(*status, orders);
        }
        Ok(())
    }
}

/// What the state of an order's hold says that the order does not know.
fn told_by(hold: &Hold, status: Status) -> Option<Event> {
    match (hold.status.as_str(), status) {
        ("RESERVED", Status::Placed) => Some(Event::HoldReserved),
        ("CONFIRMED" | "PARTIALLY_RETURNED" | "RETURNED", Status::Paid) => {
            Some(Event::HoldConfirmed)
        }
        ("EXPIRED", unpaid) if unpaid.is_unpaid() => Some(Event::HoldExpired),
        ("RELEASED", unpaid) if unpaid.is_unpaid() => Some(Event::HoldReleased),
        _ => None,
    }
}
