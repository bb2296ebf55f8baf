use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Every code that a caller can meet. Each has a page in `docs/problems/`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// Bad input; `errors` names each field.
    InvalidRequest = "INVALID_REQUEST",
    /// No such path.
    NotFound = "NOT_FOUND",
    /// The path exists, not with this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// There is no good token.
    Unauthenticated = "UNAUTHENTICATED",
    /// The token's roles do not allow it.
    Forbidden = "FORBIDDEN",
    /// The keys that verify tokens cannot be had.
    AuthUnavailable = "AUTH_UNAVAILABLE",
    /// The body is over its limit.
    BodyTooLarge = "BODY_TOO_LARGE",
    /// The body is not JSON.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// A stock that does not exist.
    UnknownSku = "UNKNOWN_SKU",
    /// Too little stock.
    InsufficientStock = "INSUFFICIENT_STOCK",
    /// The customer may not take so many.
    PurchaseLimitExceeded = "PURCHASE_LIMIT_EXCEEDED",
    /// The id was used with other content.
    IdempotencyMismatch = "IDEMPOTENCY_MISMATCH",
    /// No such reservation.
    ReservationNotFound = "RESERVATION_NOT_FOUND",
    /// The hold was released.
    ReservationReleased = "RESERVATION_RELEASED",
    /// The hold expired.
    ReservationExpired = "RESERVATION_EXPIRED",
    /// The hold was confirmed.
    ReservationConfirmed = "RESERVATION_CONFIRMED",
    /// The reservation was never confirmed.
    ReservationNotConfirmed = "RESERVATION_NOT_CONFIRMED",
    /// More to confirm than is held.
    ConfirmExceedsReservation = "CONFIRM_EXCEEDS_RESERVATION",
    /// More to return than is out.
    ReturnExceedsConfirmed = "RETURN_EXCEEDS_CONFIRMED",
    /// The stock has another version.
    VersionConflict = "VERSION_CONFLICT",
    /// A count below what is reserved.
    BelowReserved = "BELOW_RESERVED",
    /// A stock with units or holds.
    SkuInUse = "SKU_IN_USE",
    /// More requests wait than the server takes.
    Overloaded = "OVERLOADED",
    /// Redis cannot be reached or refuses to write.
    StoreUnavailable = "STORE_UNAVAILABLE",
    /// The shard is fenced until what was lost is known and restored.
    ShardRecovering = "SHARD_RECOVERING",
    /// The journal is at its memory budget.
    JournalFull = "JOURNAL_FULL",
    /// Nobody knows whether the call took effect; repeat it with the same id.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// A key in Redis is not what the engine wrote.
    StoreCorrupt = "STORE_CORRUPT",
    /// A bug.
    Internal = "INTERNAL",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
