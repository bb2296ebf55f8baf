//! Paying back by hand, or for another service: `POST /api/payments/{id}/cancel`. Who asks is told what
//! the gateway says; so a refusal is the end of it, unlike that of a refund that an order asked for.

use contracts::Amount;
use service_kit::{clock, http::RequestContext};

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
    /// Makes a repeat harmless.
    pub(crate) key: String,
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
    let before = match begin(payments, &order_id, asked, context).await? {
        Some(Status::Open) => return answer(payments, &order_id, Cancelled::UnderWay).await,
        Some(Status::Done) => true,
        // Settled in between, or refused: the row has the code.
        Some(Status::Refused) | None => false,
    };
    let (work, order, key) = (payments.clone(), order_id.clone(), asked.key.clone());
    // Not given up when who asked goes away. Of one that is over it answers what came of it.
    let tried = payments
        .calls
        .spawn(async move { refund::attempt(&work, &order, Kind::Direct, &key).await })
        .await;
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

/// Writes the refund, claimed for this process, unless its key was used before: then how that one
/// stands.
async fn begin(
    payments: &Payments,
    order_id: &str,
    asked: &Asked,
    context: &RequestContext,
) -> Result<Option<Status>, NotDone> {
    let mut transaction = payments.pool.begin().await?;
    let locked = store::lock(&mut transaction, order_id).await?;
    let payment = locked.ok_or(Refusal::NotFound)?;
    let kind = Kind::Direct;
    if let Some(before) = store::lock_refund(&mut transaction, order_id, kind, &asked.key).await? {
        let same = before.requested_amount == asked.amount && before.reason == asked.reason;
        return if same {
            Ok(Some(before.status))
        } else {
            Err(Refusal::IdempotencyMismatch.into())
        };
    }
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
    let lease_ms = ms(payments.limits.lease());
    let refund = Refund {
        requested_amount: asked.amount,
        due_ms: Some(clock::unix_ms().saturating_add(lease_ms)),
        cause_id: Some(context.request_id.clone()),
        traceparent: context.traceparent.clone(),
        ..Refund::new(order_id, kind, &asked.key, asked.reason.clone())
    };
    store::write_refund(&mut transaction, &refund).await?;
    transaction.commit().await?;
    Ok(None)
}
