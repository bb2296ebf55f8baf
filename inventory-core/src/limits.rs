//! Every limit of the engine, by name, with its reason.

/// Longest id a caller may choose, in bytes (SKU, location, reservation, customer, operation).
pub const ID_LEN_MAX: usize = 64;
/// Longest order id, in bytes: `order-` is put before it to make a reservation id.
pub const ORDER_ID_LEN_MAX: usize = 58;
/// Longest id that the system derives from a caller's ids, in bytes.
pub const DERIVED_ID_LEN_MAX: usize = 80;
/// Most units on one line, after lines of the same SKU and location were summed.
pub const QUANTITY_MAX: u32 = 1_000_000;
/// Most lines in one request, counted before summing.
pub const LINES_MAX: usize = 100;
/// Largest stock figure: the integers that a Lua number holds exactly.
pub const STOCK_MAX: u64 = (1 << 53) - 1;
/// Longest free-text reason or actor, in bytes.
pub const TEXT_LEN_MAX: usize = 256;
/// Largest metadata object, in bytes of compact JSON.
pub const METADATA_LEN_MAX: usize = 1024;
/// Shortest and longest time a hold may be asked for, in seconds.
pub const TTL_SECONDS_MIN: u32 = 1;
/// See [`TTL_SECONDS_MIN`].
pub const TTL_SECONDS_MAX: u32 = 86_400;
/// Default time a hold lasts, in seconds.
pub const TTL_SECONDS_DEFAULT: u32 = 900;
/// Largest configurable total life of a hold, in seconds: a record keeps it as 32 bits of ms.
pub const MAX_HOLD_SECONDS_MAX: u32 = 4_000_000;
/// Default total life of a hold, extensions included, in seconds.
pub const MAX_HOLD_SECONDS_DEFAULT: u32 = 86_400;
/// Longest rolling window of a purchase limit, in seconds (one year).
pub const LIMIT_WINDOW_SECONDS_MAX: u32 = 31_536_000;
/// A rolling window is counted in this many slices: an allowance comes back at most one slice late.
pub const LIMIT_WINDOW_SLICES: u64 = 1_000;
/// Returns that one reservation may see; each keeps its id, so that a repeat is known.
pub const RETURNS_MAX: usize = 100;
/// Due holds that one script call expires at most (a bite of some 2 ms).
pub const REAP_MAX: usize = 256;
/// Lines of due holds after which a script call expires no further one.
pub const REAP_LINES_MAX: usize = 512;
/// Due holds in one bite of the sweeper: smaller than a request may take along, because nobody waits
/// for a bite and everybody waits behind it.
pub const SWEEP_MAX: usize = 128;
/// Reservations in one batched script call.
pub const BATCH_RESERVATIONS_MAX: usize = 128;
/// Lines, hence at most distinct stock keys, in one batched script call.
pub const BATCH_LINES_MAX: usize = 512;
/// Records that one purge call removes at most.
pub const PURGE_MAX: usize = 128;
/// Keys to read in one cut: some 1 ms, in which nothing else runs.
pub const CUT_MAX: usize = 512;
/// Default retention of terminal reservations and operation outcomes, in seconds.
pub const RETENTION_SECONDS_DEFAULT: u64 = 86_400;
/// Default age at which journal entries are trimmed when no projection is attached, in seconds.
pub const JOURNAL_KEEP_SECONDS_DEFAULT: u64 = 3_600;
/// Default memory budget of the journal, in bytes.
pub const JOURNAL_MAX_BYTES_DEFAULT: u64 = 1 << 30;
/// SKUs in one bulk read or one page of a listing.
pub const STOCK_PAGE_MAX: usize = 1_000;
