use crate::limits::{LIMIT_WINDOW_SECONDS_MAX, QUANTITY_MAX};

use super::id::StockKey;

/// One SKU at one location.
///
/// Invariant: initial + adjustments − sold = available + reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// Which.
    pub key: StockKey,
    /// Units that can be reserved now.
    pub available: u64,
    /// Units in open holds.
    pub reserved: u64,
    /// Units confirmed less units returned.
    pub sold: u64,
    /// Raised by one with every change.
    pub version: u64,
    /// The purchase limit of the SKU, if it has one.
    pub purchase_limit: Option<PurchaseLimit>,
}

impl Stock {
    /// Units on the shelf: available + reserved.
    #[must_use]
    pub const fn on_hand(&self) -> u64 {
        self.available.saturating_add(self.reserved)
    }
}

/// How many units of a SKU, over all its locations, one customer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseLimit {
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// Rolling window in seconds; without one the limit is for life.
    pub window_seconds: Option<u32>,
}

/// Why a purchase limit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseLimitError {
    /// 0 units, or more than [`QUANTITY_MAX`].
    #[error("must be 1 to {QUANTITY_MAX}")]
    Quantity,
    /// 0 seconds, or more than [`LIMIT_WINDOW_SECONDS_MAX`].
    #[error("must be 1 to {LIMIT_WINDOW_SECONDS_MAX}")]
    Window,
}

impl PurchaseLimit {
    /// Checks the limit's own limits.
    ///
    /// # Errors
    /// [`PurchaseLimitError`] names the faulty part.
    pub fn new(quantity: u32, window_seconds: Option<u32>) -> Result<Self, PurchaseLimitError> {
        if !(1..=QUANTITY_MAX).contains(&quantity) {
            return Err(PurchaseLimitError::Quantity);
        }
        if window_seconds.is_some_and(|s| !(1..=LIMIT_WINDOW_SECONDS_MAX).contains(&s)) {
            return Err(PurchaseLimitError::Window);
        }
        Ok(Self {
            quantity,
            window_seconds,
        })
    }
}
