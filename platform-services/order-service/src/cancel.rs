//! Cancelling: one of several events that the order's row decides between.

use service_kit::{audit, clock, db, http::RequestContext};

use crate::{
    domain::{Decision, Event, Ignored},
    error::Error,
    limits::TRANSACTION_TRIES,
    refusal::Refusal,
    saga::{Cause, Happened},
    shop::{Asker, Outcome, Shop, Written, take_key},
    tables::{idempotency::Key, orders},
};

impl Shop {
    /// Cancels an order that is not paid. One that is cancelled is so again.
    pub(crate) async fn cancel(
        &self,
        asker: &Asker,
        order_id: &str,
        key: Option<Key>,
        context: &RequestContext,
    ) -> Result<Outcome, Error> {
        if let Some(replayed) = self.replay(asker, key.as_ref()).await? {
            return Ok(replayed);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self
                .cancel_once(asker, order_id, key.as_ref(), context)
                .await
            {
                Ok(Written::Done(())) => break,
                Ok(Written::KeyTaken) => {
                    if let Some(replayed) = self.replay(asker, key.as_ref()).await? {
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

    async fn cancel_once(
        &self,
        asker: &Asker,
        order_id: &str,
        key: Option<&Key>,
        context: &RequestContext,
    ) -> Result<Written<()>, Error> {
        let mut transaction = db::begin(&self.pool).await?;
        let now_ms = clock::unix_ms();
        if !take_key(&mut transaction, key, order_id, now_ms).await? {
            return Ok(Written::KeyTaken);
        }
        let mut order = asker.may_see(orders::lock(&mut transaction, order_id).await?)?;
        let happened = Happened::from(Event::CancelRequested);
        let cause = Cause::request(context);
        let decision = self
            .saga
            .apply(&mut transaction, &mut order, &happened, &cause, now_ms)
            .await?;
        if decision == Decision::Ignore(Ignored::Refused) {
            return Err(Refusal::InvalidOrderState {
                status: order.status,
                detail: format!(
                    "the order is {}: only an order that is not paid can be cancelled; ask for a refund once it is CONFIRMED",
                    order.status
                ),
            }
            .into());
        }
        audit::record(&mut transaction, &format!("order:{order_id}")).await?;
        transaction.commit().await?;
        Ok(Written::Done(()))
    }
}
