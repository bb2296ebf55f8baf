//! Asks the gateway what became of a payment, until that is known.
//!
//! An attempt that the gateway knows nothing of for `unfound_after` has failed: its confirm did not
//! arrive. Should it arrive all the same, a webhook or the last look, 35 minutes after the attempt,
//! finds it (nobody can confirm a payment that the customer began 30 minutes ago), and the money goes
//! back. A look before that, or one that the gateway does not answer, is never the last.

use service_kit::clock;

use crate::{
    confirm::{Fact, settle},
    limits::{Limits, ms, pause_ms},
    payments::Payments,
    state::State,
    store::{self, Payment, StoreError},
    toss::outcome::{Found, NOT_FOUND},
};

/// Asks about one payment that was claimed.
pub(crate) async fn look(payments: Payments, row: (String, String, String)) {
    let (order_id, _, _) = row;
    if let Err(error) = look_at(&payments, &order_id).await {
        tracing::warn!(%error, order_id, "looking at a payment; it is looked at again later");
    }
}

async fn look_at(payments: &Payments, order_id: &str) -> Result<(), StoreError> {
    let Some(payment) = store::by_order(&payments.pool, order_id).await? else {
        return Ok(());
    };
    let Some(amount) = payment.amount.filter(|_| is_open(payment.state)) else {
        return again(payments, &payment, None).await;
    };
    let key = payment.payment_key.as_deref();
    let attempt = payment.attempt_id.as_deref();
    let found = payments.toss.find(key, order_id, amount).await;
    let is_answered = !matches!(found, Found::Unknown(_));
    let fact = match found {
        Found::Approved(approval) => Some(Fact::Approved(approval)),
        Found::Declined(code) => Some(Fact::Declined(code)),
        Found::Nothing => (payment.state == State::Unknown && is_too_late(payments, &payment))
            .then(|| Fact::NotFound(NOT_FOUND.to_owned())),
        Found::Unknown(why) => {
            tracing::warn!(
                why,
                order_id,
                looks = payment.looks,
                "the outcome is still not known"
            );
            None
        }
    };
    // An ended payment that was declined after all: nothing new.
    let is_news = payment.state == State::Unknown || matches!(fact, Some(Fact::Approved(_)));
    match fact.filter(|_| is_news) {
        Some(fact) => settle(payments, order_id, attempt, fact).await.map(drop),
        None => {
            let next_ms = next_look_ms(&payments.limits, &payment, is_answered, clock::unix_ms());
            again(payments, &payment, next_ms).await
        }
    }
}

/// When to look again after a look without news: soon while the outcome is not known, or the gateway did
/// not say; else once, when nothing can come any more, and never after that.
fn next_look_ms(limits: &Limits, payment: &Payment, is_answered: bool, now_ms: i64) -> Option<i64> {
    if payment.state == State::Unknown || !is_answered {
        let pause = pause_ms(limits.look_first, limits.look_longest, payment.looks);
        return Some(now_ms.saturating_add(pause));
    }
    let last_ms = payment.attempted_ms?.saturating_add(ms(limits.last_look));
    (last_ms > now_ms).then_some(last_ms)
}

/// Whether there may be news of it at the gateway.
const fn is_open(state: State) -> bool {
    match state {
        State::Unknown | State::Ready | State::Failed | State::Closed => true,
        State::Awaiting | State::Approved | State::PartiallyCancelled | State::Cancelled => false,
    }
}

fn is_too_late(payments: &Payments, payment: &Payment) -> bool {
    let late_ms = ms(payments.limits.unfound_after);
    payment
        .attempted_ms
        .is_none_or(|at| at.saturating_add(late_ms) <= clock::unix_ms())
}

/// When to look again, unless somebody knows more by now, or a webhook came while the gateway was asked.
async fn again(
    payments: &Payments,
    payment: &Payment,
    next_ms: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE payment SET look_due_ms = IF(look_due_ms <=> ?, ?, look_due_ms), looked_ms = ?, \
         looks = looks + 1 WHERE order_id = ? AND state = ?",
    )
    .bind(payment.look_due_ms)
    .bind(next_ms)
    .bind(clock::unix_ms())
    .bind(&payment.order_id)
    .bind(payment.state.name())
    .execute(&payments.pool)
    .await?;
    Ok(())
}

/// Somebody says that there is news of an order's payment: the gateway is asked soon, once for many who
/// say so. Whether there is such a payment makes no difference to who says it.
pub(crate) async fn ask_soon(payments: &Payments, order_id: &str) -> Result<bool, StoreError> {
    let now_ms = clock::unix_ms();
    let gap_ms = ms(payments.limits.webhook_gap);
    let asked = sqlx::query(
        "UPDATE payment SET look_due_ms = \
         LEAST(COALESCE(look_due_ms, ?), GREATEST(?, COALESCE(looked_ms, 0) + ?)) \
         WHERE order_id = ? AND state IN ('UNKNOWN', 'READY', 'FAILED', 'CLOSED')",
    )
    .bind(i64::MAX)
    .bind(now_ms)
    .bind(gap_ms)
    .bind(order_id)
    .execute(&payments.pool)
    .await?
    .rows_affected();
    if asked > 0 {
        payments.look.notify_one();
    }
    Ok(asked > 0)
}
