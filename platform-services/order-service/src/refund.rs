//! Asking for money and units back. The order's row is locked while it is computed what is left, so
//! that refunds at the same time are exact.

use contracts::order as events;
use service_kit::{audit, clock, db, http::RequestContext, ids};

use crate::{
    domain::{Command, Decision, Event, Line, Refundable, decide, refund},
    error::Error,
    limits::TRANSACTION_TRIES,
    refusal::Refusal,
    saga::Cause,
    shop::{Asker, Outcome, Shop, Written, take_key},
    tables::{
        idempotency::Key,
        items::{self, Item},
        orders,
        refunds::{self, Refund},
    },
};

/// What is to come back.
#[derive(Debug, Clone)]
pub(crate) struct WantedRefund {
    /// Each SKU once; `None` is all that is left.
    pub(crate) lines: Option<Vec<Line>>,
    pub(crate) reason: Option<String>,
}

impl Shop {
    /// Asks for a refund of a sold order.
    pub(crate) async fn refund(
        &self,
        asker: &Asker,
        order_id: &str,
        wanted: &WantedRefund,
        key: Option<Key>,
        context: &RequestContext,
    ) -> Result<Outcome, Error> {
        if let Some(replayed) = self.replay(asker, key.as_ref()).await? {
            return Ok(replayed);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let key = key.as_ref();
            match self
                .refund_once(asker, order_id, wanted, key, context)
                .await
            {
                Ok(Written::Done(())) => break,
                Ok(Written::KeyTaken) => {
                    if let Some(replayed) = self.replay(asker, key).await? {
                        return Ok(replayed);
                    }
                }
                Err(error) if error.is_contention() && tries < TRANSACTION_TRIES => {}
                Err(error) => return Err(error),
            }
        }
        self.relay.wake();
        Ok(Outcome {
            order: self.order(asker, order_id).await?,
            replayed: false,
        })
    }

    async fn refund_once(
        &self,
        asker: &Asker,
        order_id: &str,
        wanted: &WantedRefund,
        key: Option<&Key>,
        context: &RequestContext,
    ) -> Result<Written<()>, Error> {
        let mut transaction = db::begin(&self.pool).await?;
        let now_ms = clock::unix_ms();
        if !take_key(&mut transaction, key, order_id, now_ms).await? {
            return Ok(Written::KeyTaken);
        }
        let mut order = asker.may_see(orders::lock(&mut transaction, order_id).await?)?;
        let status = order.status;
        let refused = |detail: String| Error::from(Refusal::InvalidOrderState { status, detail });
        match decide(&order.state(), Event::RefundRequested) {
            Decision::Tell(Command::PayBack) => {}
            Decision::Tell(Command::SellStock | Command::CallOff)
            | Decision::Move { .. }
            | Decision::Ignore(_) => {
                return Err(refused(format!(
                    "the order is {status}: only an order that is CONFIRMED or PARTIALLY_REFUNDED can be refunded"
                )));
            }
        }
        let lines = items::read(&mut transaction, order_id).await?;
        let known = refunds::read(&mut transaction, order_id).await?;
        let promised: i64 = known
            .iter()
            .filter(|refund| refund.is_pending())
            .map(|refund| refund.amount)
            .sum();
        let money_left = order.total_amount - order.refunded_amount - promised;
        let lines: Vec<Refundable> = lines.into_iter().map(refundable).collect();
        let granted = refund(&lines, wanted.lines.as_deref(), money_left)
            .map_err(|error| refused(error.to_string()))?;
        let refund = Refund {
            refund_id: ids::uuid(),
            status: refunds::REQUESTED.to_owned(),
            amount: granted.amount,
            units: granted.lines.iter().map(|it| u64::from(it.quantity)).sum(),
            reason: wanted.reason.clone(),
            requested_at_ms: now_ms,
            done_at_ms: None,
        };
        refunds::insert(&mut transaction, order_id, &refund, &granted.lines).await?;
        let mut told = Vec::with_capacity(granted.lines.len());
        for line in granted.lines {
            items::ask(&mut transaction, order_id, &line.sku_id, line.quantity).await?;
            told.push(events::Item {
                sku_id: line.sku_id,
                quantity: i64::from(line.quantity),
            });
        }
        let deadline = now_ms.saturating_add(self.saga.deadlines.refund_ms);
        order.check_at_ms = Some(order.check_at_ms.map_or(deadline, |at| at.min(deadline)));
        order.updated_at_ms = now_ms;
        orders::update(&mut transaction, &order).await?;
        let cause = Cause::request(context);
        self.saga
            .emitter
            .refund_requested(&mut transaction, &order, &refund, told, &cause, now_ms)
            .await?;
        audit::record(&mut transaction, &format!("order:{order_id}")).await?;
        transaction.commit().await?;
        Ok(Written::Done(()))
    }
}

fn refundable(item: Item) -> Refundable {
    Refundable {
        sku_id: item.sku_id,
        quantity: item.quantity,
        unit_price: item.unit_price,
        asked: item.asked_quantity,
    }
}
