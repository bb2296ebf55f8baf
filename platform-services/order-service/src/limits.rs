//! Every limit that is not a flag.

use contracts::Amount;

/// Items of a request, counted before they are summed, and lines of a cart.
pub const ORDER_LINES_MAX: usize = 100;

/// Units of one SKU in an order or a cart: what one line of a reservation may have.
pub const LINE_QUANTITY_MAX: u32 = 1_000_000;

/// What an order may cost, in won.
pub const TOTAL_AMOUNT_MAX: Amount = 10_000_000_000;

/// Length of a SKU, user, address or reservation id, in bytes.
pub const ID_LEN_MAX: usize = 64;

/// Length of an `Idempotency-Key`, in bytes.
pub const IDEMPOTENCY_KEY_LEN_MAX: usize = 100;

/// Orders on a page when nobody says how many, and at most.
pub const PAGE_DEFAULT: u32 = 20;
/// See [`PAGE_DEFAULT`].
pub const PAGE_MAX: u32 = 100;

/// Length of the reason of a refund, in characters.
pub const REASON_LEN_MAX: usize = 200;

/// Tries of a transaction that MariaDB ends because of another one (deadlock, lock wait), and of
/// order numbers that were given before.
pub const TRANSACTION_TRIES: u32 = 5;

/// How long an `Idempotency-Key` is remembered, in days.
pub const IDEMPOTENCY_KEEP_DAYS: i64 = 90;

/// Orders that the watchdog sees to in one round, before it looks at the clock again.
pub const WATCHDOG_ROUND_MAX: u32 = 200;

/// The longest pause between two looks of the watchdog at one order, in multiples of its deadline.
pub const WATCHDOG_BACKOFF_MAX: i64 = 16;
