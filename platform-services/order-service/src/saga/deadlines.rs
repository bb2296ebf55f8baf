use crate::domain::Status;

/// How long an order may be in a step before the watchdog looks at it, in ms.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// `PLACED`: until its units are held or refused.
    pub placed_ms: i64,
    /// `RESERVED`: until the payment is ready.
    pub reserved_ms: i64,
    /// `PAYMENT_PENDING`: until the customer has paid, or the hold has ended. Longer than a hold can
    /// be extended while a payment's outcome is unknown.
    pub payment_pending_ms: i64,
    /// `PAID`: until its units are sold.
    pub paid_ms: i64,
    /// A refund: until it is paid back.
    pub refund_ms: i64,
    /// An order that is not paid so long after it was placed is cancelled.
    pub unpaid_max_ms: i64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            placed_ms: 30_000,
            reserved_ms: 30_000,
            payment_pending_ms: 50 * 60_000,
            paid_ms: 30_000,
            refund_ms: 10 * 60_000,
            unpaid_max_ms: 60 * 60_000,
        }
    }
}

impl Deadlines {
    /// Of a step; `None` where nothing is waited for. A sold order waits only for refunds.
    #[must_use]
    pub const fn of(&self, status: Status, refund_pending: bool) -> Option<i64> {
        match status {
            Status::Placed => Some(self.placed_ms),
            Status::Reserved => Some(self.reserved_ms),
            Status::PaymentPending => Some(self.payment_pending_ms),
            Status::Paid => Some(self.paid_ms),
            Status::Confirmed | Status::PartiallyRefunded | Status::Refunded => {
                if refund_pending {
                    Some(self.refund_ms)
                } else {
                    None
                }
            }
            Status::Cancelled => None,
        }
    }
}
