use contracts::Amount;

/// What can happen to an order. Events of the inventory are about the order's own hold: those about
/// another are ignored before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `inventory.reserved`
    HoldReserved,
    /// `inventory.reservation.failed`, unless the order's hold had ended.
    HoldRefused,
    /// `inventory.confirmed`
    HoldConfirmed,
    /// `inventory.confirm.failed`
    HoldConfirmFailed,
    /// `inventory.released`, or `inventory.reservation.failed` because the hold had been released.
    HoldReleased,
    /// `inventory.expired`, or `inventory.reservation.failed` because the hold had expired.
    HoldExpired,
    /// `inventory.returned`
    HoldReturned,
    /// `payment.created`
    PaymentCreated,
    /// `payment.completed`
    PaymentCompleted {
        /// What was paid, in the order's currency.
        amount: Amount,
    },
    /// `payment.failed`
    PaymentFailed,
    /// `payment.cancelled` that answers no refund of ours: closed, or paid back by somebody else.
    PaymentCancelled {
        /// What was paid back; 0 when no money had been taken.
        amount: Amount,
    },
    /// `payment.cancelled` that answers a pending refund of ours.
    RefundPaid {
        /// What was paid back.
        amount: Amount,
        /// The units of the refund.
        units: u64,
    },
    /// Somebody asks to cancel.
    CancelRequested,
    /// The watchdog: it has had its time and is not paid.
    TimedOut,
    /// Somebody asks for a refund.
    RefundRequested,
}
