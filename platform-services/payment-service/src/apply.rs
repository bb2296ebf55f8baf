//! An event of the table of states, written: the state, what is said, and what goes back, in the
//! caller's transaction.

use contracts::{
    Amount, Envelope, EventData, KRW, Timestamp,
    payment::{Cancelled, Completed, Created, Failed},
};
use service_kit::{clock, ids, outbox::Outbox};
use sqlx::MySqlConnection;

use crate::{
    state::{Event, GiveBack, Next, Say, next},
    store::{self, Kind, Payment, Refund, StoreError},
};

/// What made something happen, for the events that follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cause {
    /// The id of an event or a request.
    pub(crate) id: Option<String>,
    pub(crate) traceparent: Option<String>,
}

impl Cause {
    pub(crate) fn of_event<T>(envelope: &Envelope<T>) -> Self {
        Self {
            id: Some(envelope.id.clone()),
            traceparent: envelope.traceparent.clone(),
        }
    }

    /// That of the attempt.
    pub(crate) fn of_payment(payment: &Payment) -> Self {
        Self {
            id: payment.cause_id.clone(),
            traceparent: payment.traceparent.clone(),
        }
    }

    pub(crate) fn of_refund(refund: &Refund) -> Self {
        Self {
            id: refund.cause_id.clone(),
            traceparent: refund.traceparent.clone(),
        }
    }
}

/// Does to a locked payment what the table says. `None`: nothing, and nothing is written.
///
/// `payment` has the facts that came with the event already; the caller saves it.
pub(crate) async fn apply(
    connection: &mut MySqlConnection,
    outbox: &Outbox,
    payment: &mut Payment,
    event: Event,
    cause: &Cause,
) -> Result<Option<Next>, StoreError> {
    let Some(done) = next(payment.state, payment.order_cancelled, event) else {
        return Ok(None);
    };
    tracing::info!(
        order_id = payment.order_id,
        payment_id = payment.payment_id,
        from = %payment.state,
        to = %done.state,
        ?event,
        "payment"
    );
    payment.state = done.state;
    if let Some(say) = done.say {
        speak(connection, outbox, payment, say, cause).await?;
    }
    if let Some(what) = done.give_back {
        give_back(connection, payment, what, cause).await?;
    }
    Ok(Some(done))
}

async fn speak(
    connection: &mut MySqlConnection,
    outbox: &Outbox,
    payment: &Payment,
    say: Say,
    cause: &Cause,
) -> Result<(), StoreError> {
    let (payment_id, order_id) = (payment.payment_id.clone(), payment.order_id.clone());
    let (amount, currency) = money(payment)?;
    match say {
        Say::Created => {
            let data = Created {
                payment_id,
                order_id,
                amount,
                currency,
            };
            emit(connection, outbox, payment, data, cause).await
        }
        Say::Completed => {
            let data = Completed {
                payment_id,
                order_id,
                amount,
                currency,
                gateway_transaction_id: payment.transaction_id.clone(),
            };
            emit(connection, outbox, payment, data, cause).await
        }
        Say::Failed => {
            let data = Failed {
                payment_id,
                order_id,
                amount,
                currency,
                gateway_transaction_id: payment.transaction_id.clone(),
                reason: payment.gateway_code.clone(),
            };
            emit(connection, outbox, payment, data, cause).await
        }
        Say::Closed => {
            let data = Cancelled {
                payment_id,
                order_id,
                amount,
                currency,
                gateway_transaction_id: None,
                reason: Some("ORDER_CANCELLED".to_owned()),
                cancelled_amount: None,
                refund_id: None,
                reservation_id: None,
                items: None,
            };
            emit(connection, outbox, payment, data, cause).await
        }
    }
}

/// Says that a refund is done.
pub(crate) async fn say_refunded(
    connection: &mut MySqlConnection,
    outbox: &Outbox,
    payment: &Payment,
    refund: &Refund,
) -> Result<(), StoreError> {
    let (amount, currency) = money(payment)?;
    let items = refund.items.as_deref().map(serde_json::from_str);
    let items = items.transpose().map_err(StoreError::broken)?;
    let data = Cancelled {
        payment_id: payment.payment_id.clone(),
        order_id: payment.order_id.clone(),
        amount,
        currency,
        gateway_transaction_id: refund.transaction_id.clone(),
        reason: Some(refund.reason.clone()),
        cancelled_amount: refund.amount,
        refund_id: (refund.kind == Kind::OrderRefund).then(|| refund.refund_id.clone()),
        reservation_id: refund.reservation_id.clone(),
        items,
    };
    emit(connection, outbox, payment, data, &Cause::of_refund(refund)).await
}

fn money(payment: &Payment) -> Result<(Amount, String), StoreError> {
    let amount = payment
        .amount
        .ok_or_else(|| StoreError::broken("a payment that is spoken of has no amount"))?;
    let currency = payment.currency.clone().unwrap_or_else(|| KRW.to_owned());
    Ok((amount, currency))
}

async fn emit<T: EventData>(
    connection: &mut MySqlConnection,
    outbox: &Outbox,
    payment: &Payment,
    data: T,
    cause: &Cause,
) -> Result<(), StoreError> {
    let time = Timestamp::from_unix_ms(clock::unix_ms()).map_err(StoreError::broken)?;
    let envelope = Envelope {
        correlation_id: Some(payment.order_id.clone()),
        causation_id: cause.id.clone(),
        traceparent: cause.traceparent.clone(),
        ..Envelope::new(ids::uuid(), time, data)
    };
    Ok(outbox.insert(connection, &envelope).await?)
}

async fn give_back(
    connection: &mut MySqlConnection,
    payment: &Payment,
    what: GiveBack,
    cause: &Cause,
) -> Result<(), StoreError> {
    let mut refund = match what {
        GiveBack::Rest => {
            let reason = "the order was cancelled".to_owned();
            Refund::new(&payment.order_id, Kind::OrderCancelled, "rest", reason)
        }
        GiveBack::Stray => {
            let key = payment.payment_key.as_deref().unwrap_or_default();
            let reason = "approved after the payment had ended".to_owned();
            Refund {
                payment_key: payment.payment_key.clone(),
                requested_amount: payment.amount,
                ..Refund::new(&payment.order_id, Kind::Stray, key, reason)
            }
        }
    };
    refund.cause_id.clone_from(&cause.id);
    refund.traceparent.clone_from(&cause.traceparent);
    Ok(store::write_refund(connection, &refund).await?)
}
