//! What the engine's calls answer beside the domain's own types.

use crate::domain::{Epoch, Reservation, Stock, StockKey, TimestampMs};

/// What a reserve answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A new hold with exactly the content asked for.
    New {
        /// When it was taken.
        created: TimestampMs,
        /// When it expires.
        deadline: TimestampMs,
    },
    /// The hold (or what became of it) that an earlier call with this id took.
    Existing(Box<Reservation>),
}

/// What a count answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The stock now.
    pub stock: Stock,
    /// Whether this count created it.
    pub created: bool,
}

/// A reservation with the moment at which it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRead {
    /// As stored.
    pub reservation: Reservation,
    /// The shard's clock at the read, for [`Reservation::status_at`].
    pub now: TimestampMs,
}

/// Stocks, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRead {
    /// One for each key asked; `None` where there is no such stock, or it cannot be read.
    pub stocks: Vec<Option<Stock>>,
    /// Stocks whose key is not what the engine wrote.
    pub corrupt: Vec<StockKey>,
    /// Whether the shard is fenced, so that the figures may be behind what was acknowledged.
    pub stale: bool,
}

/// One page of a listing by location and SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockPage {
    /// The stocks of the page.
    pub stocks: Vec<Stock>,
    /// Stocks of the page whose key is not what the engine wrote.
    pub corrupt: Vec<StockKey>,
    /// Where the next page begins, if there is one.
    pub next: Option<StockKey>,
    /// See [`StockRead::stale`].
    pub stale: bool,
}

/// What one bite of the sweeper did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Holds expired by this call.
    pub expired: usize,
    /// Holds still due.
    pub remaining: u64,
    /// Age of the oldest deadline that was due before the call, in ms; 0 when none was.
    pub lag_ms: u64,
    /// Due holds that could not be expired because a key is corrupt; they are tried again later.
    pub corrupt: usize,
}

/// What one bite of the purger did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Records removed.
    pub records: usize,
    /// Journal entries trimmed.
    pub entries: u64,
    /// Customers' counters dropped whose rolling window has passed.
    pub counters: u64,
    /// Whether there may be more to remove right now.
    pub more: bool,
}

/// A shard at a glance, for metrics and readiness.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShardStatus {
    /// The epoch that this process is admitted to; `None` while fenced.
    pub epoch: Option<Epoch>,
    /// Why the shard is fenced; `None` while open.
    pub fenced: Option<String>,
    /// Open holds (zset `deadlines`).
    pub open_holds: u64,
    /// Entries in the journal.
    pub journal_entries: u64,
    /// Memory of the journal, in bytes.
    pub journal_bytes: u64,
    /// Memory that Redis uses in all, in bytes.
    pub used_memory_bytes: u64,
    /// Most memory that Redis may use (`maxmemory`), in bytes; 0: as much as there is.
    pub max_memory_bytes: u64,
    /// Connections to Redis, of everybody.
    pub clients: u64,
    /// Age of the oldest due deadline, in ms; 0 when none is due.
    pub due_lag_ms: u64,
    /// Whether a projection is attached.
    pub projected: bool,
    /// Acknowledged journal entries that this process knows to have been lost, since it started.
    pub lost_entries: u64,
    /// Times the gate fenced this process, since it started.
    pub fences: u64,
    /// `appendonly`/`appendfsync` as Redis has them, as a [`super::Durability`] name, or `unverified`.
    pub durability: String,
}
