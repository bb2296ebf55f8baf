//! Taking the money: the intent is written and committed, then the gateway is asked, then what came of
//! it is written. Between any two of these the process may die: the rest is done by [`crate::look`].

use std::time::Duration;

use contracts::Amount;
use service_kit::{clock, db, http::RequestContext, ids, telemetry};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    apply::{Cause, apply},
    limits::ms,
    payments::Payments,
    refusal::{NotDone, Refusal},
    state::{Event, State},
    store::{self, Attempt, Payment, StoreError},
    toss::{
        outcome::{Approval, Confirmed},
        wire::Confirm,
    },
};

/// How often who asks a second time looks whether the first has an answer.
const WAIT_STEP: Duration = Duration::from_millis(50);

/// What a customer wants to pay.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) order_id: String,
    pub(crate) payment_key: String,
    pub(crate) amount: Amount,
}

/// What is certain of an attempt.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    Approved(Approval),
    Declined(String),
    /// As declined, but because nobody knows it.
    NotFound(String),
    NotSent,
}

enum Begun {
    /// Ask the gateway.
    Ask(Attempt),
    /// This very attempt was made before.
    Again(Box<Payment>),
}

/// Takes the money for `user_id`'s order, and answers the payment: approved, or unknown where the
/// gateway did not answer.
pub(crate) async fn confirm(
    payments: &Payments,
    user_id: &str,
    asked: &Asked,
    context: &RequestContext,
) -> Result<Payment, NotDone> {
    let payment = match begin(payments, user_id, asked, context).await? {
        Begun::Ask(attempt) => {
            let (work, order_id) = (payments.clone(), attempt.order_id.clone());
            // Not given up when the customer goes away.
            let call = payments
                .calls
                .spawn(async move { ask(&work, &attempt).await }.in_current_span());
            match call.await {
                Ok(asked) => asked?,
                Err(error) => {
                    tracing::error!(%error, order_id, "a confirm failed");
                    read(payments, &order_id).await?
                }
            }
        }
        Begun::Again(payment) => wait_until_known(payments, *payment).await?,
    };
    match payment.state {
        State::Failed => Err(Refusal::Declined {
            code: payment.gateway_code.unwrap_or_default(),
        }
        .into()),
        // Only where the gateway was never asked.
        State::Ready => Err(Refusal::GatewayUnavailable.into()),
        State::Awaiting | State::Closed => Err(Refusal::State(payment.state).into()),
        State::Unknown | State::Approved | State::PartiallyCancelled | State::Cancelled => {
            Ok(payment)
        }
    }
}

async fn begin(
    payments: &Payments,
    user_id: &str,
    asked: &Asked,
    context: &RequestContext,
) -> Result<Begun, NotDone> {
    telemetry::correlate(&asked.order_id);
    let mut transaction = db::begin(&payments.pool).await?;
    let found = store::lock(&mut transaction, &asked.order_id).await?;
    let mut payment = found
        .filter(|payment| payment.user_id.as_deref() == Some(user_id))
        .ok_or(Refusal::NotFound)?;
    if let Some(amount) = payment.amount
        && amount != asked.amount
    {
        return Err(Refusal::AmountMismatch { amount }.into());
    }
    if payment.state != State::Ready {
        return if payment.payment_key.as_deref() == Some(&asked.payment_key) {
            Ok(Begun::Again(Box::new(payment)))
        } else {
            Err(Refusal::State(payment.state).into())
        };
    }
    let now_ms = clock::unix_ms();
    let limits = &payments.limits;
    let attempt = Attempt {
        attempt_id: ids::uuid(),
        order_id: payment.order_id.clone(),
        payment_key: asked.payment_key.clone(),
        amount: asked.amount,
        started_ms: now_ms,
    };
    payment.payment_key = Some(attempt.payment_key.clone());
    payment.attempt_id = Some(attempt.attempt_id.clone());
    payment.attempted_ms = Some(now_ms);
    payment.looks = 0;
    // Should this process die: somebody asks what became of it, and keeps the goods until then.
    let over_ms = now_ms.saturating_add(ms(limits.confirm_over()));
    payment.look_due_ms = Some(over_ms.saturating_add(ms(limits.look_first)));
    payment.extend_due_ms = Some(over_ms);
    payment.cause_id = Some(context.request_id.clone());
    payment.traceparent.clone_from(&context.traceparent);
    store::write_attempt(&mut transaction, &attempt).await?;
    let cause = Cause::of_payment(&payment);
    apply(
        &mut transaction,
        &payments.outbox,
        &mut payment,
        Event::Attempted,
        &cause,
    )
    .await?;
    store::save(&mut transaction, &payment).await?;
    transaction.commit().await?;
    Ok(Begun::Ask(attempt))
}

async fn ask(payments: &Payments, attempt: &Attempt) -> Result<Payment, NotDone> {
    let asked = Confirm {
        payment_key: attempt.payment_key.clone(),
        order_id: attempt.order_id.clone(),
        amount: attempt.amount,
    };
    let fact = match payments.toss.confirm(&asked, &attempt.attempt_id).await {
        Confirmed::Approved(approval) => Fact::Approved(approval),
        Confirmed::Declined(code) => Fact::Declined(code),
        Confirmed::NotSent(why) => {
            tracing::warn!(
                why,
                order_id = attempt.order_id,
                "the gateway was not asked"
            );
            Fact::NotSent
        }
        Confirmed::Unknown(why) => {
            tracing::warn!(why, order_id = attempt.order_id, "the outcome is not known");
            look_soon(payments, attempt).await?;
            return read(payments, &attempt.order_id).await;
        }
    };
    Ok(settle(payments, &attempt.order_id, Some(&attempt.attempt_id), fact).await?)
}

/// The call is over: there is no need to wait for its end.
async fn look_soon(payments: &Payments, attempt: &Attempt) -> Result<(), NotDone> {
    let now_ms = clock::unix_ms();
    let due_ms = now_ms.saturating_add(ms(payments.limits.look_first));
    sqlx::query(
        "UPDATE payment SET look_due_ms = LEAST(look_due_ms, ?), \
         extend_due_ms = LEAST(extend_due_ms, ?) \
         WHERE order_id = ? AND attempt_id = ? AND state = 'UNKNOWN'",
    )
    .bind(due_ms)
    .bind(now_ms)
    .bind(&attempt.order_id)
    .bind(&attempt.attempt_id)
    .execute(&payments.pool)
    .await?;
    payments.extend.notify_one();
    Ok(())
}

/// Writes what is certain. `attempt_id` is that of the attempt it is certain of, where one is known; a
/// fact about an attempt that is not the payment's any more changes nothing.
pub(crate) async fn settle(
    payments: &Payments,
    order_id: &str,
    attempt_id: Option<&str>,
    fact: Fact,
) -> Result<Payment, StoreError> {
    let mut transaction = db::begin(&payments.pool).await?;
    let mut payment = store::lock(&mut transaction, order_id)
        .await?
        .ok_or_else(|| StoreError::broken("a payment went away"))?;
    if attempt_id.is_some() && payment.attempt_id.as_deref() != attempt_id {
        return Ok(payment);
    }
    let (event, outcome) = facts(&mut payment, &fact);
    let cause = Cause::of_payment(&payment);
    let done = apply(
        &mut transaction,
        &payments.outbox,
        &mut payment,
        event,
        &cause,
    )
    .await?;
    let Some(done) = done else {
        // What was known stands.
        transaction.rollback().await?;
        return read(payments, order_id).await.map_err(|not| match not {
            NotDone::Store(error) => error,
            NotDone::Refused(_) => StoreError::broken("a payment went away"),
        });
    };
    if done.give_back == Some(crate::state::GiveBack::Stray) {
        tracing::error!(order_id, state = %payment.state, "money was taken for a payment that had ended; it goes back");
        payments.metrics.strays.inc();
    }
    payment.extend_due_ms = None;
    payment.look_due_ms = match fact {
        // One last time, when nothing can come any more.
        Fact::NotFound(_) => payment
            .attempted_ms
            .map(|at| at.saturating_add(ms(payments.limits.last_look))),
        Fact::Approved(_) | Fact::Declined(_) | Fact::NotSent => None,
    };
    if let Some(attempt_id) = &payment.attempt_id {
        let code = payment.gateway_code.as_deref();
        store::end_attempt(&mut transaction, attempt_id, outcome, code).await?;
    }
    if matches!(fact, Fact::NotSent) {
        payment.payment_key = None;
        payment.attempt_id = None;
        payment.attempted_ms = None;
    }
    store::save(&mut transaction, &payment).await?;
    transaction.commit().await?;
    payments.metrics.settled(outcome);
    payments.committed();
    Ok(payment)
}

/// Puts what came with the fact into the row. Undone by not saving it.
fn facts(payment: &mut Payment, fact: &Fact) -> (Event, &'static str) {
    match fact {
        Fact::Approved(approval) => {
            payment.payment_key = Some(approval.payment_key.clone());
            payment.transaction_id = Some(store::cut(&approval.transaction_id, 200));
            if payment.state == State::Unknown || payment.state == State::Ready {
                payment.approved_ms = Some(clock::unix_ms());
            }
            (Event::Approved, "approved")
        }
        Fact::Declined(code) => {
            payment.gateway_code = Some(store::cut(code, 100));
            (Event::Declined, "declined")
        }
        Fact::NotFound(code) => {
            payment.gateway_code = Some(store::cut(code, 100));
            (Event::Declined, "not_found")
        }
        Fact::NotSent => (Event::NotSent, "not_sent"),
    }
}

async fn read(payments: &Payments, order_id: &str) -> Result<Payment, NotDone> {
    let payment = store::by_order(&payments.pool, order_id).await?;
    Ok(payment.ok_or(Refusal::NotFound)?)
}

/// The answer of who asked first, or unknown when it does not come in time.
async fn wait_until_known(payments: &Payments, first: Payment) -> Result<Payment, NotDone> {
    let until = Instant::now() + payments.limits.gateway_timeout;
    let begun_ms = first.attempted_ms.unwrap_or_default();
    let over_ms = begun_ms.saturating_add(ms(payments.limits.gateway_timeout));
    let mut payment = first;
    while payment.state == State::Unknown && Instant::now() < until && clock::unix_ms() < over_ms {
        tokio::time::sleep(WAIT_STEP).await;
        payment = read(payments, &payment.order_id).await?;
    }
    Ok(payment)
}
