//! Paying back. A refund is a row before the gateway is asked, and is tried until it is done; one call
//! of a payment is under way at a time, so that what is left is known.
//!
//! A cancel is known again by the end of its reason. Before every try but the first the gateway is asked
//! whether it is done already; so nothing goes back twice, even when Toss has forgotten the idempotency
//! key, which it does after 15 days.

use std::time::Duration;

use contracts::Amount;
use service_kit::{clock, db, ids};

use crate::{
    apply::{Cause, apply, say_refunded},
    limits::{Limits, ms, pause_ms},
    payments::Payments,
    state::{Event, State},
    store::{self, Kind, Payment, Refund, Status, StoreError},
    toss::{
        outcome::{Refunded, cancel_with},
        wire::Cancel,
    },
};

/// Longest reason that the gateway takes, in characters.
const REASON_CHARS_MAX: usize = 200;

/// While another refund of the payment is under way.
const TURN: Duration = Duration::from_millis(300);

/// More than is left, found before the gateway says so.
const NOT_CANCELABLE_AMOUNT: &str = "NOT_CANCELABLE_AMOUNT";

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It is done, now or before.
    Done,
    /// The gateway refused, with this code.
    Refused(String),
    /// It is not known, or was not its turn: it is tried again.
    Later,
}

/// A call to make.
struct Call {
    payment_key: String,
    amount: Amount,
    idempotency_key: String,
    marker: String,
    reason: String,
    is_first: bool,
}

enum Begun {
    Call(Box<Call>),
    Over(Tried),
}

/// What the gateway has done, or not.
enum Came {
    Done(Amount, Option<String>),
    Refused(String),
    /// Nothing is under way any more.
    Over(String),
    /// The call may still take effect.
    Open(String),
}

/// Tries one refund that was claimed.
pub(crate) async fn refund(payments: Payments, row: (String, String, String)) {
    let (order_id, kind, refund_id) = row;
    let Ok(kind) = Kind::try_from(kind) else {
        return;
    };
    if let Err(error) = attempt(&payments, &order_id, kind, &refund_id).await {
        tracing::warn!(%error, order_id, refund_id, "a refund; it is tried again later");
    }
}

/// Tries a refund that nobody else tries: who calls has claimed it.
pub(crate) async fn attempt(
    payments: &Payments,
    order_id: &str,
    kind: Kind,
    refund_id: &str,
) -> Result<Tried, StoreError> {
    let call = match begin(payments, order_id, kind, refund_id).await? {
        Begun::Over(tried) => return Ok(tried),
        Begun::Call(call) => call,
    };
    let came = make(payments, &call).await;
    settle(payments, (order_id, kind, refund_id), came).await
}

async fn begin(
    payments: &Payments,
    order_id: &str,
    kind: Kind,
    refund_id: &str,
) -> Result<Begun, StoreError> {
    let mut transaction = db::begin(&payments.pool).await?;
    let payment = store::lock(&mut transaction, order_id).await?;
    let refund = store::lock_refund(&mut transaction, order_id, kind, refund_id).await?;
    let (Some(payment), Some(mut refund)) = (payment, refund) else {
        return Err(StoreError::broken("a refund without a payment"));
    };
    if refund.status != Status::Open {
        return Ok(Begun::Over(match refund.status {
            Status::Refused => Tried::Refused(refund.last_error.unwrap_or_default()),
            Status::Open | Status::Done => Tried::Done,
        }));
    }
    let in_turn = !store::has_call_of_another(&mut transaction, &refund).await?;
    let decided = if in_turn {
        decide(&payment, &refund)
    } else {
        Decision::Wait
    };
    let now_ms = clock::unix_ms();
    let limits = &payments.limits;
    let begun = match decided {
        Decision::Wait => {
            let pause_ms = if in_turn {
                ms(limits.refund_first)
            } else {
                ms(TURN)
            };
            refund.due_ms = Some(now_ms.saturating_add(pause_ms));
            Begun::Over(Tried::Later)
        }
        Decision::Nothing => {
            refund.status = Status::Done;
            refund.amount = Some(0);
            refund.done_ms = Some(now_ms);
            refund.due_ms = None;
            Begun::Over(Tried::Done)
        }
        Decision::Never => {
            tracing::error!(order_id, refund_id, state = %payment.state, "a refund of a payment that took no money");
            refuse(&mut refund, limits, "NOTHING_TO_REFUND", true);
            payments.metrics.refunds_refused.inc();
            Begun::Over(Tried::Refused("NOTHING_TO_REFUND".to_owned()))
        }
        Decision::TooMuch => {
            tracing::error!(
                order_id,
                refund_id,
                left = payment.balance(),
                "a refund of more than is left"
            );
            refuse(
                &mut refund,
                limits,
                NOT_CANCELABLE_AMOUNT,
                kind == Kind::Direct,
            );
            payments.metrics.refunds_refused.inc();
            Begun::Over(Tried::Refused(NOT_CANCELABLE_AMOUNT.to_owned()))
        }
        Decision::Call(amount, payment_key) => {
            let is_first = refund.tries == 0;
            let idempotency_key = refund.call_id.clone().unwrap_or_else(ids::uuid);
            refund.call_id = Some(idempotency_key.clone());
            refund.amount = Some(amount);
            refund.tries = refund.tries.saturating_add(1);
            refund.due_ms = Some(now_ms.saturating_add(ms(limits.lease())));
            Begun::Call(Box::new(Call {
                payment_key,
                amount,
                idempotency_key,
                marker: refund.marker(),
                reason: reason(&refund),
                is_first,
            }))
        }
    };
    store::save_refund(&mut transaction, &refund).await?;
    transaction.commit().await?;
    Ok(begun)
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Call(Amount, String),
    /// The payment's outcome is not known yet.
    Wait,
    /// All of it went back already, and no more was wanted.
    Nothing,
    /// No money was taken.
    Never,
    TooMuch,
}

/// What to do about a refund, by its payment.
fn decide(payment: &Payment, refund: &Refund) -> Decision {
    let key = refund.payment_key.as_ref().or(payment.payment_key.as_ref());
    // A call under way is repeated as it was.
    let amount = match (&refund.call_id, refund.amount) {
        (Some(_), Some(amount)) => Some(amount),
        (Some(_) | None, _) => None,
    };
    if refund.kind == Kind::Stray {
        let amount = amount.or(refund.requested_amount);
        return match (amount, key) {
            (Some(amount), Some(key)) => Decision::Call(amount, key.clone()),
            (_, _) => Decision::Never,
        };
    }
    match payment.state {
        State::Awaiting | State::Ready | State::Unknown => Decision::Wait,
        State::Failed | State::Closed => Decision::Never,
        State::Cancelled if refund.requested_amount.is_none() => Decision::Nothing,
        State::Cancelled => Decision::TooMuch,
        State::Approved | State::PartiallyCancelled => {
            let Some(key) = key else {
                return Decision::Never;
            };
            let wanted = refund.requested_amount.unwrap_or_else(|| payment.balance());
            match amount {
                Some(amount) => Decision::Call(amount, key.clone()),
                None if wanted > payment.balance() => Decision::TooMuch,
                None => Decision::Call(wanted, key.clone()),
            }
        }
    }
}

fn reason(refund: &Refund) -> String {
    let marker = refund.marker();
    let room = REASON_CHARS_MAX.saturating_sub(marker.chars().count() + 1);
    format!("{} {marker}", store::cut(&refund.reason, room))
}

async fn make(payments: &Payments, call: &Call) -> Came {
    if !call.is_first {
        match payments.toss.payment(&call.payment_key).await {
            Ok(payment) => {
                if let Some(cancel) = cancel_with(&payment, &call.marker) {
                    let transaction_id = Some(cancel.transaction_key.clone());
                    return Came::Done(cancel.cancel_amount, transaction_id);
                }
            }
            Err(why) => return Came::Open(why),
        }
    }
    let asked = Cancel {
        cancel_reason: call.reason.clone(),
        cancel_amount: Some(call.amount),
    };
    let refunded = payments
        .toss
        .cancel(
            &call.payment_key,
            &asked,
            &call.marker,
            &call.idempotency_key,
        )
        .await;
    match refunded {
        Refunded::Done(transaction_id) => Came::Done(call.amount, transaction_id),
        Refunded::Refused(code) => Came::Refused(code),
        Refunded::Over(why) => Came::Over(why),
        Refunded::Unknown(why) | Refunded::NotSent(why) => Came::Open(why),
    }
}

async fn settle(
    payments: &Payments,
    (order_id, kind, refund_id): (&str, Kind, &str),
    came: Came,
) -> Result<Tried, StoreError> {
    let mut transaction = db::begin(&payments.pool).await?;
    let payment = store::lock(&mut transaction, order_id).await?;
    let refund = store::lock_refund(&mut transaction, order_id, kind, refund_id).await?;
    let (Some(mut payment), Some(mut refund)) = (payment, refund) else {
        return Err(StoreError::broken("a refund without a payment"));
    };
    if refund.status != Status::Open {
        return Ok(Tried::Done);
    }
    let limits = &payments.limits;
    let tried = match came {
        Came::Done(amount, transaction_id) => {
            refund.status = Status::Done;
            refund.amount = Some(amount);
            refund.transaction_id = transaction_id.map(|id| store::cut(&id, 200));
            refund.call_id = None;
            refund.due_ms = None;
            refund.last_error = None;
            refund.done_ms = Some(clock::unix_ms());
            if kind != Kind::Stray {
                payment.cancelled_amount = payment.cancelled_amount.saturating_add(amount);
                let event = if payment.balance() > 0 {
                    Event::CancelledPartly
                } else {
                    Event::CancelledWholly
                };
                let cause = Cause::of_refund(&refund);
                apply(
                    &mut transaction,
                    &payments.outbox,
                    &mut payment,
                    event,
                    &cause,
                )
                .await?;
                store::save(&mut transaction, &payment).await?;
            }
            say_refunded(&mut transaction, &payments.outbox, &payment, &refund).await?;
            tracing::info!(order_id, refund_id, amount, "paid back");
            Tried::Done
        }
        Came::Refused(code) => {
            tracing::error!(
                order_id,
                refund_id,
                code,
                tries = refund.tries,
                "the gateway refuses a refund"
            );
            payments.metrics.refunds_refused.inc();
            refuse(&mut refund, limits, &code, kind == Kind::Direct);
            Tried::Refused(code)
        }
        Came::Over(why) => {
            refund.call_id = None;
            postpone(&mut refund, limits, &why);
            Tried::Later
        }
        Came::Open(why) => {
            postpone(&mut refund, limits, &why);
            Tried::Later
        }
    };
    store::save_refund(&mut transaction, &refund).await?;
    transaction.commit().await?;
    payments.committed();
    Ok(tried)
}

/// A no of the gateway: `is_final` where somebody was told, else it is tried again, with a new key.
fn refuse(refund: &mut Refund, limits: &Limits, code: &str, is_final: bool) {
    refund.call_id = None;
    refund.refusals = refund.refusals.saturating_add(1);
    postpone(refund, limits, code);
    if is_final {
        refund.status = Status::Refused;
        refund.due_ms = None;
    }
}

fn postpone(refund: &mut Refund, limits: &Limits, why: &str) {
    let failures = refund.tries.max(refund.refusals).saturating_sub(1);
    let pause = pause_ms(limits.refund_first, limits.refund_longest, failures);
    refund.last_error = Some(store::cut(why, 300));
    refund.due_ms = Some(clock::unix_ms().saturating_add(pause));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(state: State, cancelled_amount: Amount) -> Payment {
        Payment {
            order_id: "o".to_owned(),
            payment_id: "p".to_owned(),
            state,
            user_id: None,
            amount: Some(100),
            currency: None,
            reservation_id: None,
            hold_expires_ms: None,
            order_cancelled: false,
            cancelled_amount,
            payment_key: Some("k".to_owned()),
            attempt_id: None,
            attempted_ms: None,
            transaction_id: None,
            gateway_code: None,
            look_due_ms: None,
            looked_ms: None,
            looks: 0,
            extend_due_ms: None,
            cause_id: None,
            traceparent: None,
            created_ms: 0,
            updated_ms: 0,
            approved_ms: None,
        }
    }

    fn wanted(kind: Kind, requested_amount: Option<Amount>) -> Refund {
        Refund {
            requested_amount,
            ..Refund::new("o", kind, "r", "why".to_owned())
        }
    }

    fn call(amount: Amount) -> Decision {
        Decision::Call(amount, "k".to_owned())
    }

    #[test]
    fn what_is_done_about_a_refund_in_every_state() {
        let part = wanted(Kind::OrderRefund, Some(60));
        let rest = wanted(Kind::OrderCancelled, None);
        for (state, cancelled, of_part, of_rest) in [
            (State::Awaiting, 0, Decision::Wait, Decision::Wait),
            (State::Ready, 0, Decision::Wait, Decision::Wait),
            (State::Unknown, 0, Decision::Wait, Decision::Wait),
            (State::Approved, 0, call(60), call(100)),
            (State::PartiallyCancelled, 40, call(60), call(60)),
            (State::PartiallyCancelled, 41, Decision::TooMuch, call(59)),
            (State::Cancelled, 100, Decision::TooMuch, Decision::Nothing),
            (State::Failed, 0, Decision::Never, Decision::Never),
            (State::Closed, 0, Decision::Never, Decision::Never),
        ] {
            let payment = payment(state, cancelled);
            assert_eq!(decide(&payment, &part), of_part, "{state} {cancelled}");
            assert_eq!(decide(&payment, &rest), of_rest, "{state} {cancelled}");
        }
        let stray = wanted(Kind::Stray, Some(100));
        assert_eq!(decide(&payment(State::Failed, 0), &stray), call(100));
    }

    #[test]
    fn a_call_that_may_be_under_way_is_repeated_as_it_was() {
        let mut rest = wanted(Kind::OrderCancelled, None);
        rest.call_id = Some("i".to_owned());
        rest.amount = Some(70);
        let payment = payment(State::PartiallyCancelled, 40);
        assert_eq!(decide(&payment, &rest), call(70));
    }

    #[test]
    fn a_reason_keeps_its_mark() {
        let mut refund = wanted(Kind::OrderRefund, None);
        refund.reason = "x".repeat(300);
        let reason = reason(&refund);
        assert_eq!(reason.chars().count(), REASON_CHARS_MAX);
        assert!(reason.ends_with("x [refund r]"), "{reason}");
    }
}
