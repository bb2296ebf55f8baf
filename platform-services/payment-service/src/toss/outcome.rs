//! What an answer of the gateway means for us. Pure; every doubt ends in "not known".

use super::wire::{CancelDone, Failure, Payment, Status};

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// A success, and its body could be read.
    Success(T),
    /// A refusal in the gateway's own words.
    Refused {
        /// HTTP status, 400 to 499.
        status: u16,
        /// What it says.
        failure: Failure,
    },
    /// The gateway answered that it failed (5xx), so the call is over, one way or the other.
    Failed(String),
    /// The call surely never reached the gateway.
    NotSent(String),
    /// No answer, or none that can be read: the call may have taken effect, or still may.
    Lost(String),
}

/// What came of asking for the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It was taken.
    Approved(Approval),
    /// It was not and never will be, for this code.
    Declined(String),
    /// The gateway was not asked: try again later.
    NotSent(String),
    /// To be found out by [`Found`].
    Unknown(String),
}

/// Money that the gateway has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The payment's key.
    pub payment_key: String,
    /// The gateway's id of the approval.
    pub transaction_id: String,
}

/// What the gateway knows of a payment of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The money was taken, and not all of it paid back since.
    Approved(Approval),
    /// It was not and never will be, for this code.
    Declined(String),
    /// There is none, or none that was confirmed: a confirm on its way may still arrive.
    Nothing,
    /// It could not be asked.
    Unknown(String),
}

/// What came of paying back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refunded {
    /// It was paid back; the gateway's id of it, where it tells one.
    Done(Option<String>),
    /// It was not, for this code. Asking again needs a new idempotency key.
    Refused(String),
    /// It was not known when the call ended, but nothing is on its way: look, then ask anew.
    Over(String),
    /// It may still take effect: ask again with the same idempotency key.
    Unknown(String),
    /// The gateway was not asked.
    NotSent(String),
}

/// The code of a payment that was never confirmed in time.
pub const EXPIRED: &str = "PAYMENT_EXPIRED";

/// The code of a payment that was taken and given back at the gateway's own counter.
pub const CANCELED: &str = "CANCELED";

/// The code of a payment that the gateway knows nothing of.
pub const NOT_FOUND: &str = "NOT_FOUND_PAYMENT";

/// Refusals of a confirm that do not say that no money was taken: it was asked before, is being asked,
/// or the card's network did not answer.
const CONFIRM_IN_DOUBT: [&str; 7] = [
    "ALREADY_PROCESSED_PAYMENT",
    "FORBIDDEN_CONSECUTIVE_REQUEST",
    "DUPLICATED_ORDER_ID",
    "IDEMPOTENT_REQUEST_PROCESSING",
    "PROVIDER_ERROR",
    "CARD_PROCESSING_ERROR",
    "NOT_AVAILABLE_BANK",
];

/// Refusals because of us, not of the customer: the gateway looked at nothing else.
const OUR_FAULT: [&str; 4] = [
    "UNAUTHORIZED_KEY",
    "INVALID_API_KEY",
    "INVALID_AUTHORIZE_AUTH",
    "INCORRECT_BASIC_AUTH_FORMAT",
];

fn is_our_fault(status: u16, code: &str) -> bool {
    matches!(status, 401 | 429) || OUR_FAULT.contains(&code)
}

fn said(failure: &Failure) -> String {
    format!("{}: {}", failure.code, failure.message)
}

/// What a confirm of `amount` for `order_id` came to.
#[must_use]
pub fn confirmed(answer: Answer<Payment>, order_id: &str, amount: i64) -> Confirmed {
    match answer {
        Answer::Success(payment) => match of_payment(&payment, order_id, amount) {
            Found::Approved(approval) => Confirmed::Approved(approval),
            Found::Declined(code) => Confirmed::Declined(code),
            Found::Nothing => Confirmed::Unknown(format!("the payment is {:?}", payment.status)),
            Found::Unknown(why) => Confirmed::Unknown(why),
        },
        Answer::Refused { status, failure } if is_our_fault(status, &failure.code) => {
            Confirmed::NotSent(said(&failure))
        }
        Answer::Refused { status, failure } => {
            let in_doubt =
                matches!(status, 408 | 409) || CONFIRM_IN_DOUBT.contains(&failure.code.as_str());
            if in_doubt {
                Confirmed::Unknown(said(&failure))
            } else {
                Confirmed::Declined(failure.code)
            }
        }
        Answer::NotSent(why) => Confirmed::NotSent(why),
        Answer::Failed(why) | Answer::Lost(why) => Confirmed::Unknown(why),
    }
}

/// What a query says of the payment of `amount` for `order_id`.
#[must_use]
pub fn found(answer: Answer<Payment>, order_id: &str, amount: i64) -> Found {
    match answer {
        Answer::Success(payment) => of_payment(&payment, order_id, amount),
        Answer::Refused { status: 404, .. } => Found::Nothing,
        Answer::Refused { failure, .. } => Found::Unknown(said(&failure)),
        Answer::Failed(why) | Answer::NotSent(why) | Answer::Lost(why) => Found::Unknown(why),
    }
}

/// What a query by the order says of its payment of `amount`, of which we know at most the key that was
/// tried. The gateway may answer another payment of the order.
#[must_use]
pub fn found_by_order(
    answer: Answer<Payment>,
    payment_key: Option<&str>,
    order_id: &str,
    amount: i64,
) -> Found {
    let is_ours = match &answer {
        Answer::Success(payment) => payment_key == Some(&payment.payment_key),
        Answer::Refused { .. } | Answer::Failed(_) | Answer::NotSent(_) | Answer::Lost(_) => false,
    };
    match found(answer, order_id, amount) {
        Found::Declined(_) if !is_ours => Found::Nothing,
        known @ (Found::Approved(_) | Found::Declined(_) | Found::Nothing | Found::Unknown(_)) => {
            known
        }
    }
}

fn of_payment(payment: &Payment, order_id: &str, amount: i64) -> Found {
    let currency = payment.currency.as_str();
    if payment.order_id != order_id || currency != contracts::KRW {
        // A key of something else: whatever became of that, it is not this payment.
        return Found::Nothing;
    }
    match payment.status {
        Status::Done | Status::PartialCanceled if payment.total_amount != amount => {
            Found::Unknown(format!(
                "the gateway took {} for this order, not {amount}",
                payment.total_amount
            ))
        }
        Status::Done | Status::PartialCanceled => Found::Approved(Approval {
            payment_key: payment.payment_key.clone(),
            transaction_id: payment
                .last_transaction_key
                .clone()
                .unwrap_or_else(|| payment.payment_key.clone()),
        }),
        Status::Aborted => Found::Declined(
            payment
                .failure
                .as_ref()
                .map_or_else(|| "ABORTED".to_owned(), |failure| failure.code.clone()),
        ),
        Status::Expired => Found::Declined(EXPIRED.to_owned()),
        // Taken and given back by somebody else: for the order it was never paid.
        Status::Canceled => Found::Declined(CANCELED.to_owned()),
        Status::Ready | Status::InProgress | Status::WaitingForDeposit | Status::Other => {
            Found::Nothing
        }
    }
}

/// What a cancel came to.
#[must_use]
pub fn refunded(answer: Answer<Payment>, marker: &str) -> Refunded {
    match answer {
        Answer::Success(payment) => Refunded::Done(
            cancel_with(&payment, marker)
                .map(|cancel| cancel.transaction_key.clone())
                .or(payment.last_transaction_key),
        ),
        Answer::Refused { status, failure } if is_our_fault(status, &failure.code) => {
            Refunded::NotSent(said(&failure))
        }
        Answer::Refused {
            status: 408 | 409,
            failure,
        } => Refunded::Unknown(said(&failure)),
        Answer::Refused { failure, .. } => Refunded::Refused(failure.code),
        Answer::Failed(why) => Refunded::Over(why),
        Answer::Lost(why) => Refunded::Unknown(why),
        Answer::NotSent(why) => Refunded::NotSent(why),
    }
}

/// The cancel with our mark at the end of its reason, if it is done.
#[must_use]
pub fn cancel_with<'a>(payment: &'a Payment, marker: &str) -> Option<&'a CancelDone> {
    let cancels = payment.cancels.as_deref().unwrap_or_default();
    cancels.iter().find(|cancel| {
        cancel.cancel_status == CancelDone::DONE && cancel.cancel_reason.ends_with(marker)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(status: Status) -> Payment {
        Payment {
            payment_key: "k".to_owned(),
            order_id: "o".to_owned(),
            status,
            total_amount: 100,
            balance_amount: 100,
            currency: "KRW".to_owned(),
            last_transaction_key: Some("t".to_owned()),
            cancels: None,
            failure: None,
            requested_at: None,
            approved_at: None,
            method: None,
        }
    }

    fn refused(status: u16, code: &str) -> Answer<Payment> {
        let failure = Failure {
            code: code.to_owned(),
            message: String::new(),
        };
        Answer::Refused { status, failure }
    }

    #[test]
    fn only_what_is_certain_ends_an_attempt() {
        let of = |answer| confirmed(answer, "o", 100);
        assert!(matches!(
            of(Answer::Success(payment(Status::Done))),
            Confirmed::Approved(_)
        ));
        assert_eq!(
            of(refused(403, "REJECT_CARD_PAYMENT")),
            Confirmed::Declined("REJECT_CARD_PAYMENT".to_owned())
        );
        for doubt in [
            refused(400, "ALREADY_PROCESSED_PAYMENT"),
            refused(409, "ANYTHING"),
            refused(400, "PROVIDER_ERROR"),
            Answer::Failed("500".to_owned()),
            Answer::Lost("no answer".to_owned()),
            Answer::Success(payment(Status::InProgress)),
            Answer::Success(payment(Status::Other)),
        ] {
            assert!(
                matches!(of(doubt.clone()), Confirmed::Unknown(_)),
                "{doubt:?}"
            );
        }
        for ours in [
            refused(401, "UNAUTHORIZED_KEY"),
            refused(429, "X"),
            Answer::NotSent("refused".to_owned()),
        ] {
            assert!(
                matches!(of(ours.clone()), Confirmed::NotSent(_)),
                "{ours:?}"
            );
        }
    }

    #[test]
    fn what_is_not_ours_is_not_taken_for_ours() {
        let of = |order, amount| found(Answer::Success(payment(Status::Done)), order, amount);
        assert!(matches!(of("o", 100), Found::Approved(_)));
        assert_eq!(of("other", 100), Found::Nothing);
        assert!(matches!(of("o", 99), Found::Unknown(_)));
        assert_eq!(found(refused(404, NOT_FOUND), "o", 100), Found::Nothing);
        assert!(matches!(
            found(refused(401, "UNAUTHORIZED_KEY"), "o", 100),
            Found::Unknown(_)
        ));
        assert_eq!(
            found(Answer::Success(payment(Status::Expired)), "o", 100),
            Found::Declined(EXPIRED.to_owned())
        );
    }

    #[test]
    fn another_payment_of_the_order_ends_nothing() {
        let by_order =
            |status, key| found_by_order(Answer::Success(payment(status)), key, "o", 100);
        let approved = |found| matches!(found, Found::Approved(_));
        for status in [Status::Expired, Status::Aborted, Status::Canceled] {
            assert!(matches!(by_order(status, Some("k")), Found::Declined(_)));
            assert_eq!(by_order(status, Some("other")), Found::Nothing);
            assert_eq!(by_order(status, None), Found::Nothing);
        }
        for key in [Some("k"), Some("other"), None] {
            assert!(approved(by_order(Status::Done, key)));
        }
        assert!(matches!(
            found_by_order(Answer::Lost(String::new()), Some("k"), "o", 100),
            Found::Unknown(_)
        ));
    }

    #[test]
    fn a_cancel_is_known_by_its_mark() {
        let mut cancelled = payment(Status::PartialCanceled);
        let cancel = |reason: &str, status: &str| CancelDone {
            cancel_amount: 1,
            cancel_reason: reason.to_owned(),
            transaction_key: reason.to_owned(),
            cancel_status: status.to_owned(),
            canceled_at: None,
        };
        cancelled.cancels = Some(vec![
            cancel("broken [r-1]", "DONE"),
            cancel("broken [r-2]", "IN_PROGRESS"),
        ]);
        assert!(cancel_with(&cancelled, "[r-1]").is_some());
        assert!(cancel_with(&cancelled, "[r-2]").is_none());
        assert_eq!(
            refunded(Answer::Success(cancelled), "[r-1]"),
            Refunded::Done(Some("broken [r-1]".to_owned()))
        );
        assert_eq!(
            refunded(refused(403, "NOT_CANCELABLE_AMOUNT"), "x"),
            Refunded::Refused("NOT_CANCELABLE_AMOUNT".to_owned())
        );
    }
}
