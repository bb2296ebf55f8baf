//! What the sandbox was told to do, by the beginning of the payment key.

/// What becomes of a confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConfirm {
    /// Approved at once.
    Approve,
    /// `decline-`: refused as a card without money is.
    Decline,
    /// `error-`: 500, nothing taken.
    Error,
    /// `timeout-before-`: no answer, nothing taken.
    HoldBefore,
    /// `timeout-after-`: approved, no answer.
    HoldAfter,
    /// `slow-`: approved after a while.
    Slow,
    /// `lost-`: approved, no answer, and queries know nothing of it until the webhook is sent.
    Lost,
    /// `abandoned-`: as `lost-`, and the order has another payment, which the customer had abandoned and
    /// which expired.
    Abandoned,
}

/// What becomes of a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnCancel {
    /// Paid back.
    PayBack,
    /// `norefund-`: refused every time; `norefund-3-`: three times.
    Refuse(u32),
    /// `refund-error-`: 500 once, nothing paid back.
    ErrorOnce,
    /// `refund-timeout-before-`: no answer once, nothing paid back.
    HoldBeforeOnce,
    /// `refund-timeout-after-`: paid back, no answer.
    HoldAfterOnce,
}

/// Refused for good.
pub(crate) const ALWAYS: u32 = u32::MAX;

const CONFIRM: [(&str, OnConfirm); 7] = [
    ("decline-", OnConfirm::Decline),
    ("error-", OnConfirm::Error),
    ("timeout-before-", OnConfirm::HoldBefore),
    ("timeout-after-", OnConfirm::HoldAfter),
    ("slow-", OnConfirm::Slow),
    ("lost-", OnConfirm::Lost),
    ("abandoned-", OnConfirm::Abandoned),
];

const CANCEL: [(&str, OnCancel); 3] = [
    ("refund-error-", OnCancel::ErrorOnce),
    ("refund-timeout-before-", OnCancel::HoldBeforeOnce),
    ("refund-timeout-after-", OnCancel::HoldAfterOnce),
];

impl OnConfirm {
    pub(crate) fn of(payment_key: &str) -> Self {
        let told = CONFIRM
            .iter()
            .find(|(prefix, _)| payment_key.starts_with(prefix));
        told.map_or(Self::Approve, |(_, what)| *what)
    }
}

impl OnCancel {
    pub(crate) fn of(payment_key: &str) -> Self {
        if let Some(rest) = payment_key.strip_prefix("norefund-") {
            let times = rest.split('-').next().and_then(|n| n.parse().ok());
            return Self::Refuse(times.unwrap_or(ALWAYS));
        }
        let told = CANCEL
            .iter()
            .find(|(prefix, _)| payment_key.starts_with(prefix));
        told.map_or(Self::PayBack, |(_, what)| *what)
    }
}

/// `dup-`: every webhook is sent twice.
pub(crate) fn webhooks(payment_key: &str) -> u32 {
    if payment_key.starts_with("dup-") {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_the_key_decides() {
        assert_eq!(OnConfirm::of("decline-1"), OnConfirm::Decline);
        assert_eq!(OnConfirm::of("timeout-after-1"), OnConfirm::HoldAfter);
        assert_eq!(OnConfirm::of("abandoned-1"), OnConfirm::Abandoned);
        assert_eq!(OnConfirm::of("my-decline-1"), OnConfirm::Approve);
        assert_eq!(OnCancel::of("norefund-3-x"), OnCancel::Refuse(3));
        assert_eq!(OnCancel::of("norefund-x"), OnCancel::Refuse(ALWAYS));
        assert_eq!(OnCancel::of("k"), OnCancel::PayBack);
        assert_eq!((webhooks("dup-1"), webhooks("k")), (2, 1));
    }
}
