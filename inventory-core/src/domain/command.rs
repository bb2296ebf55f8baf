use super::{
    id::{CustomerId, OperationId, OrderId, ReservationId, StockKey},
    line::Lines,
    stock::PurchaseLimit,
    text::{Metadata, Text},
};

/// Who asks and in which request: goes to the journal with the change, never into a decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The person or service behind the request.
    pub actor: Option<Text>,
    /// `X-Request-Id`.
    pub request_id: Option<Text>,
    /// W3C `traceparent`.
    pub traceparent: Option<Text>,
}

/// Hold the lines, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserve {
    /// Chosen by the caller: the same id and content again is the same hold.
    pub id: ReservationId,
    /// What to hold.
    pub lines: Lines,
    /// How long, in ms, 1 to `u32::MAX`.
    pub ttl_ms: u32,
    /// The order it is for.
    pub order: Option<OrderId>,
    /// Who it is for; required where a line's SKU has a purchase limit.
    pub customer: Option<CustomerId>,
    /// The caller's own data.
    pub metadata: Option<Metadata>,
    /// For the journal.
    pub context: Context,
}

/// Sell what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// Which.
    pub id: ReservationId,
    /// The part to sell; the rest goes back. `None`: all.
    pub lines: Option<Lines>,
    /// Take the stock anew if the hold has expired.
    pub reacquire: bool,
    /// For the journal.
    pub context: Context,
}

/// Give back what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Which.
    pub id: ReservationId,
    /// Why.
    pub reason: Option<Text>,
    /// Leave a released record behind where the id is unknown, so that a late reserve is refused.
    pub tombstone: bool,
    /// For the journal.
    pub context: Context,
}

/// Move the deadline of an open hold to now + `ttl_ms`, within the longest life of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extend {
    /// Which.
    pub id: ReservationId,
    /// From now, in ms.
    pub ttl_ms: u32,
    /// Longest total life of a hold, in ms from its creation.
    pub max_hold_ms: u32,
    /// For the journal.
    pub context: Context,
}

/// Sold goods come back to available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// Which reservation.
    pub id: ReservationId,
    /// Chosen by the caller: the same id and content again is the same return.
    pub return_id: OperationId,
    /// What comes back. `None`: all that is still out.
    pub lines: Option<Lines>,
    /// For the journal.
    pub context: Context,
}

/// Change available by a signed number of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjust {
    /// Chosen by the caller: the same id and content again is the same adjustment.
    pub operation: OperationId,
    /// Which stock.
    pub key: StockKey,
    /// Units, not 0.
    pub delta: i64,
    /// Why.
    pub reason: Option<Text>,
    /// For the journal.
    pub context: Context,
}

/// What a count does to the purchase limit of its SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitChange {
    /// Leaves it.
    #[default]
    Keep,
    /// Removes it, and what was counted against it.
    Remove,
    /// Sets it. Counting starts now, unless only the quantity of an existing limit changes.
    Set(PurchaseLimit),
}

/// Set on-hand to what was counted on the shelf; creates the stock if it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Chosen by the caller: the same id and content again is the same count.
    pub operation: OperationId,
    /// Which stock.
    pub key: StockKey,
    /// Units on the shelf: available + reserved.
    pub on_hand: u64,
    /// Refuse unless the version is this one; 0 means create only.
    pub expected_version: Option<u64>,
    /// The purchase limit.
    pub limit: LimitChange,
    /// Why.
    pub reason: Option<Text>,
    /// For the journal.
    pub context: Context,
}

/// Remove a stock without units or holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retire {
    /// Which stock.
    pub key: StockKey,
    /// For the journal.
    pub context: Context,
}

/// Expire the holds that are due, oldest deadline first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expire {
    /// At most so many, up to [`crate::limits::REAP_MAX`].
    pub max: usize,
}
