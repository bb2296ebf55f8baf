//! Paying back by hand, or for another service: `POST /api/payments/{id}/cancel`. Who asks is told what
//! the gateway says; so a refusal is the end of it, unlike that of a refund that an order asked for.

use contracts::Amount;
use service_kit::{audit, clock, db, http::RequestContext, ids, telemetry};
use tracing::Instrument as _;

use crate::{
    limits::ms,
    payments::Payments,
    refund::{self, Tried},
    refusal::{NotDone, Refusal},
    state::State,
    store::{self, Kind, Payment, Refund, Status},
};

/// What is to be paid back.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) payment_id: String,
    /// Makes a repeat harmless. Absent: a part of the same amount for the same reason is a repeat for a
    /// while, and all that is left can go back only once.
    pub(crate) key: Option<String>,
    /// Absent: all that is left.
    pub(crate) amount: Option<Amount>,
    pub(crate) reason: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// The money went back; `before` this was asked.
    Done { before: bool },
    /// The gateway did not answer: it is tried until it does.
    UnderWay,
}

/// Pays back, and answers the payment after it.
pub(crate) async fn cancel(
    payments: &Payments,
    asked: &Asked,
    context: &RequestContext,
) -> Result<(Cancelled, Payment), NotDone> {
    let found = store::by_id(&payments.pool, &asked.payment_id).await?;
    let order_id = found
        .filter(Payment::is_known)
        .ok_or(Refusal::NotFound)?
        .order_id;
    telemetry::correlate(&order_id);
    let (key, status) = begin(payments, &order_id, asked, context).await?;
    let before = match status {
        Some(Status::Open) => return answer(payments, &order_id, Cancelled::UnderWay).await,
        Some(Status::Done) => true,
        // Settled in between, or refused: the row has the code.
        Some(Status::Refused) | None => false,
    };
    let (work, order) = (payments.clone(), order_id.clone());
    // Not given up when who asked goes away. Of one that is over it answers what came of it.
    let attempt = async move { refund::attempt(&work, &order, Kind::Direct, &key).await };
    let tried = payments.calls.spawn(attempt.in_current_span()).await;
    let tried = match tried {
        Ok(tried) => tried?,
        Err(error) => {
            tracing::error!(%error, order_id, "a cancel failed");
            Tried::Later
        }
    };
    match tried {
        Tried::Done => answer(payments, &order_id, Cancelled::Done { before }).await,
        Tried::Refused(code) => Err(Refusal::RefundRefused { code }.into()),
        Tried::Later => answer(payments, &order_id, Cancelled::UnderWay).await,
    }
}

async fn answer(
    payments: &Payments,
    order_id: &str,
    cancelled: Cancelled,
) -> Result<(Cancelled, Payment), NotDone> {
    let payment = store::by_order(&payments.pool, order_id).await?;
    Ok((cancelled, payment.ok_or(Refusal::NotFound)?))
}

/// Writes the refund, claimed for this process, unless it is a repeat: then how the first stands. With
/// the key of the one that counts.
async fn begin(
    payments: &Payments,
    order_id: &str,
    asked: &Asked,
    context: &RequestContext,
) -> Result<(String, Option<Status>), NotDone> {
    let now_ms = clock::unix_ms();
    let limits = &payments.limits;
    let mut transaction = db::begin(&payments.pool).await?;
    let locked = store::lock(&mut transaction, order_id).await?;
    let payment = locked.ok_or(Refusal::NotFound)?;
    let kind = Kind::Direct;
    let (connection, reason) = (&mut *transaction, asked.reason.as_str());
    let before = match (&asked.key, asked.amount) {
        (Some(key), _) => store::lock_refund(connection, order_id, kind, key).await?,
        (None, Some(amount)) => {
            let since_ms = now_ms.saturating_sub(ms(limits.cancel_repeat));
            store::same_cancel(connection, order_id, amount, reason, since_ms).await?
        }
        (None, None) => None,
    };
    if let Some(before) = before {
        let same = before.requested_amount == asked.amount && before.reason == asked.reason;
        return if same {
            Ok((before.refund_id, Some(before.status)))
        } else {
            Err(Refusal::IdempotencyMismatch.into())
        };
    }
    let key = asked.key.clone().unwrap_or_else(ids::uuid);
    match payment.state {
        State::Approved | State::PartiallyCancelled => {}
        State::Awaiting
        | State::Ready
        | State::Unknown
        | State::Cancelled
        | State::Failed
        | State::Closed => return Err(Refusal::State(payment.state).into()),
    }
    let balance = payment.balance();
    if asked.amount.is_some_and(|amount| amount > balance) {
        return Err(Refusal::CancelExceeds { balance }.into());
    }
    let refund = Refund {
        requested_amount: asked.amount,
        due_ms: Some(now_ms.saturating_add(ms(limits.lease()))),
        cause_id: Some(context.request_id.clone()),
        traceparent: context.traceparent.clone(),
        ..Refund::new(order_id, kind, &key, asked.reason.clone())
    };
    store::write_refund(&mut transaction, &refund).await?;
    audit::record(&mut transaction, &format!("payment:{}", asked.payment_id)).await?;
    transaction.commit().await?;
    Ok((key, None))
}
