use std::fmt;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in tables, answers and events.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What a word means; `None` for one that is not known here.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// Where an order stands. In the order of the main line, then what ends it.
    Status {
        /// Written down; its units are not held yet.
        Placed = "PLACED",
        /// Its units are held.
        Reserved = "RESERVED",
        /// The customer can pay.
        PaymentPending = "PAYMENT_PENDING",
        /// The money was taken; the units are being sold.
        Paid = "PAID",
        /// The units are sold. The end, unless something is refunded.
        Confirmed = "CONFIRMED",
        /// A part of the money went back.
        PartiallyRefunded = "PARTIALLY_REFUNDED",
        /// All of it went back.
        Refunded = "REFUNDED",
        /// It came to nothing, for a [`CancelReason`].
        Cancelled = "CANCELLED",
    }
}

impl Status {
    /// No money was taken that the order knows of, and it can still come to nothing.
    #[must_use]
    pub const fn is_unpaid(self) -> bool {
        matches!(self, Self::Placed | Self::Reserved | Self::PaymentPending)
    }

    /// The units are sold.
    #[must_use]
    pub const fn is_sold(self) -> bool {
        matches!(
            self,
            Self::Confirmed | Self::PartiallyRefunded | Self::Refunded
        )
    }

    /// What lies between this and `to` on the main line: an event that comes before its
    /// predecessors implies them, and the timeline shows them.
    #[must_use]
    pub fn implied_until(self, to: Self) -> Vec<Self> {
        const MAIN_LINE: [Status; 5] = [
            Status::Placed,
            Status::Reserved,
            Status::PaymentPending,
            Status::Paid,
            Status::Confirmed,
        ];
        let on_main_line = |status: Self| MAIN_LINE.contains(&status);
        // A refund comes after CONFIRMED, whatever the table says it came from.
        let last = match to {
            Self::PartiallyRefunded | Self::Refunded => Self::Confirmed,
            Self::Placed
            | Self::Reserved
            | Self::PaymentPending
            | Self::Paid
            | Self::Confirmed
            | Self::Cancelled => to,
        };
        if !on_main_line(self) || !on_main_line(last) {
            return Vec::new();
        }
        MAIN_LINE
            .into_iter()
            .filter(|step| *step > self && *step <= last && *step != to)
            .collect()
    }
}

words! {
    /// Why an order was cancelled.
    CancelReason {
        /// Its units could not be held; the detail is the code of the refusal.
        OutOfStock = "OUT_OF_STOCK",
        /// The gateway declined.
        PaymentFailed = "PAYMENT_FAILED",
        /// The payment was closed or paid back as a whole by somebody else.
        PaymentCancelled = "PAYMENT_CANCELLED",
        /// Another amount was paid than the order costs.
        AmountMismatch = "AMOUNT_MISMATCH",
        /// The customer, or support, asked for it.
        UserRequest = "USER_REQUEST",
        /// The hold ended before it was paid.
        ReservationExpired = "RESERVATION_EXPIRED",
        /// Somebody else gave the hold back before it was paid.
        ReservationReleased = "RESERVATION_RELEASED",
        /// It was paid, and the units could not be sold; the detail is the code of the refusal.
        StockConfirmFailed = "STOCK_CONFIRM_FAILED",
        /// It was not paid in the time that an order has.
        TimedOut = "TIMED_OUT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_implied_lies_between() {
        use Status::*;
        assert_eq!(Placed.implied_until(Reserved), []);
        assert_eq!(Placed.implied_until(Paid), [Reserved, PaymentPending]);
        assert_eq!(PaymentPending.implied_until(Paid), []);
        assert_eq!(Paid.implied_until(Refunded), [Confirmed]);
        assert_eq!(Placed.implied_until(Cancelled), []);
        assert_eq!(Confirmed.implied_until(Refunded), []);
        assert_eq!(PartiallyRefunded.implied_until(Refunded), []);
    }

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.word()), Some(*status));
        }
        for reason in CancelReason::ALL {
            assert_eq!(CancelReason::parse(reason.word()), Some(*reason));
        }
        assert_eq!(Status::parse("placed"), None);
    }
}
