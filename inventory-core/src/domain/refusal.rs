use super::{
    code::Code,
    id::{Sku, StockKey},
    reservation::Status,
};

/// A line that finds too little stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// Which stock.
    pub key: StockKey,
    /// Units asked for.
    pub requested: u64,
    /// Units there are.
    pub available: u64,
}

/// A SKU of which the customer may not take so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitExceeded {
    /// Which SKU, over all locations.
    pub sku: Sku,
    /// Units a customer may take.
    pub limit: u64,
    /// Units that this customer has taken.
    pub used: u64,
    /// Units asked for now.
    pub requested: u64,
}

/// A decided "no". It changed nothing, except that due holds may have expired.
///
/// A refusal is a value: the caller can act on it, and nothing is wrong with the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// All lines that find too little, in the order asked.
    InsufficientStock(Vec<Shortage>),
    /// All stocks that do not exist, in the order asked.
    UnknownSku(Vec<StockKey>),
    /// All SKUs whose limit would be passed, in the order asked.
    PurchaseLimitExceeded(Vec<LimitExceeded>),
    /// These SKUs have a purchase limit, and the request names no customer.
    CustomerRequired(Vec<Sku>),
    /// The id was used with other content.
    IdempotencyMismatch,
    /// No such reservation (any more).
    ReservationNotFound,
    /// The hold was released.
    ReservationReleased,
    /// The hold expired.
    ReservationExpired,
    /// The hold was confirmed; goods may have come back since.
    ReservationConfirmed(Status),
    /// A return of something that was not sold.
    ReservationNotConfirmed(Status),
    /// More is to be confirmed than is held, per line.
    ConfirmExceedsReservation(Vec<Shortage>),
    /// More is to be returned than is out, per line.
    ReturnExceedsConfirmed(Vec<Shortage>),
    /// [`crate::limits::RETURNS_MAX`] returns were made already.
    TooManyReturns,
    /// The stock has another version than expected (0: it does not exist).
    VersionConflict {
        /// The version it has.
        current: u64,
    },
    /// A count below what open holds have reserved.
    BelowReserved {
        /// Units reserved.
        reserved: u64,
    },
    /// A figure would pass [`crate::limits::STOCK_MAX`].
    StockTooLarge,
    /// A stock with units or holds cannot be retired.
    SkuInUse {
        /// Units available.
        available: u64,
        /// Units reserved.
        reserved: u64,
    },
}

impl Refusal {
    /// The stable code of this refusal.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::InsufficientStock(_) => Code::InsufficientStock,
            Self::UnknownSku(_) => Code::UnknownSku,
            Self::PurchaseLimitExceeded(_) => Code::PurchaseLimitExceeded,
            Self::CustomerRequired(_) | Self::TooManyReturns | Self::StockTooLarge => {
                Code::InvalidRequest
            }
            Self::IdempotencyMismatch => Code::IdempotencyMismatch,
            Self::ReservationNotFound => Code::ReservationNotFound,
            Self::ReservationReleased => Code::ReservationReleased,
            Self::ReservationExpired => Code::ReservationExpired,
            Self::ReservationConfirmed(_) => Code::ReservationConfirmed,
            Self::ReservationNotConfirmed(_) => Code::ReservationNotConfirmed,
            Self::ConfirmExceedsReservation(_) => Code::ConfirmExceedsReservation,
            Self::ReturnExceedsConfirmed(_) => Code::ReturnExceedsConfirmed,
            Self::VersionConflict { .. } => Code::VersionConflict,
            Self::BelowReserved { .. } => Code::BelowReserved,
            Self::SkuInUse { .. } => Code::SkuInUse,
        }
    }
}

/// A "yes", and whether it was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Success<T> {
    /// What is so now.
    pub value: T,
    /// Whether an earlier call with the same id did it.
    pub replayed: bool,
}

/// What a decided command answers.
pub type Outcome<T> = Result<Success<T>, Refusal>;
