//! Every limit of the worker and the CLI that is no flag, with the reason for its value.

use std::time::Duration;

/// How long an owner of a shard may be silent before another takes over.
pub const LEASE: Duration = Duration::from_secs(5);

/// Between two looks of a worker that waits for the lease of a shard.
pub const LEASE_POLL: Duration = Duration::from_millis(500);

/// Journal entries in one apply transaction. An entry may hold 128 reservations.
pub const BATCH_ENTRIES_MAX: usize = BATCH_CHANGES_MAX;

/// Changes in one apply transaction: enough for multi-row SQL to pay, few enough for a short one.
pub const BATCH_CHANGES_MAX: usize = 4_000;

/// Bytes of journal in one apply transaction.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Journal entries in one read: Redis does nothing else meanwhile.
pub const READ_ENTRIES_MAX: usize = 512;

/// Bytes of journal in one read, about: the next one asks for fewer entries when these were long.
pub const READ_BYTES: usize = 512 * 1024;

/// Reads that are ahead of the transaction under way, when there is a backlog.
pub const READS_AHEAD_MAX: usize = 8;

/// How long a read waits for the first entry; the lease is renewed in between.
pub const READ_WAIT: Duration = Duration::from_millis(500);

/// How long the word that all is applied holds: four reads of an idle journal. After that it counts as
/// not known, and the lag is the time since.
pub const LEVEL_FRESH: Duration = Duration::from_secs(2);

/// First and longest pause after a transient fault.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Tries of a batch that the database refuses for good, before it is taken apart.
pub const APPLY_TRIES_MAX: u32 = 3;

/// The youngest entries that stay in the journal after they were projected, for readers and for
/// comparing after a restart: by age and by memory, whichever is less.
pub const TRIM_SLACK: Duration = Duration::from_secs(60);

/// See [`TRIM_SLACK`].
pub const TRIM_SLACK_BYTES: u64 = 64 * 1024 * 1024;

/// Between two trims.
pub const TRIM_EVERY: Duration = Duration::from_secs(1);

/// What a hold gets whose deadline passed while the shard was fenced and its state being restored.
pub const GRACE: Duration = Duration::from_secs(60);

/// Keys in one slice of a copy, a restore or a comparison.
pub const SLICE_KEYS_MAX: usize = 256;

/// Connections to the database.
pub const DATABASE_CONNECTIONS_MAX: u32 = 8;

/// How long a statement waits for a connection of the pool.
pub const DATABASE_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a statement waits for a row lock.
pub const LOCK_WAIT_TIMEOUT_SECONDS: u32 = 5;

/// How long a transaction may wait for its next statement before MariaDB ends it: a worker that was
/// stopped in the middle of one must not keep the cursor row from the others beyond its lease.
pub const IDLE_TRANSACTION_TIMEOUT_SECONDS: u32 = 5;

/// Most rows on one page of a query.
pub const PAGE_MAX: u32 = 1_000;

/// Rows on one page of a query that does not say.
pub const PAGE_DEFAULT: u32 = 100;

/// How long a worker that was told to stop may take to finish its transaction.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a worker that ends tries to give its shard up. Without that the lease runs out ([`LEASE`]).
pub const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// Queries of the ops port that read MariaDB at once: its connections are the projection's first.
pub const OPS_QUERIES_IN_FLIGHT_MAX: usize = 2;

/// How long a query of the ops port waits for its turn.
pub const OPS_QUERY_WAIT: Duration = Duration::from_secs(2);

/// After so many seconds MariaDB gives a query of the ops port up.
pub const OPS_QUERY_TIMEOUT_SECONDS: u32 = 5;

/// How long readiness and metrics wait for MariaDB.
pub const OPS_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Between two renewals of a lease: two may fail before it ends.
pub const LEASE_RENEW: Duration = Duration::from_millis(1_500);

/// Between two looks at a shard that stays as it is until something else changes.
pub const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Rows read, and things put, before a restore says how far it is.
pub const RESTORE_SLICE: usize = 1_024;

/// Rows that one statement changes or removes where nothing else bounds it.
pub const ROWS_SLICE: u64 = 10_000;

/// Keys that a resync copies in one transaction: enough for multi-row SQL to pay.
pub const RESYNC_SLICE: usize = 1_024;

/// How close two places of the journal are that the trimmer remembers.
pub const TRIM_MARK: Duration = Duration::from_millis(250);

/// Connections to Redis of `reconcile`, hence calls that an import has in flight.
pub const RECONCILE_CONNECTIONS: u32 = 16;

/// A call of `reconcile` without an answer for so long counts as cut off.
pub const RECONCILE_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long `reconcile` goes on about one change before it calls its outcome unknown.
pub const RECONCILE_CHANGE_TIMEOUT: Duration = Duration::from_secs(20);

/// Between two looks at the cursor, while `reconcile` waits for the projection.
pub const CURSOR_POLL: Duration = Duration::from_millis(10);

/// Slices that a comparison has under way: while one waits for the projection, others are read.
pub const CHECK_SLICES_IN_FLIGHT: usize = 4;

/// Looks, each at a later cut, that all must find a difference before it is one.
pub const CHECK_LOOKS: usize = 3;

/// Looks at a counter that moves meanwhile, before a comparison leaves it alone.
pub const CHECK_COUNTER_LOOKS: usize = 5;

/// Differences that a check lists; the rest is counted.
pub const CHECK_LISTED_MAX: usize = 10_000;

/// Tries of a repair whose subject changes meanwhile.
pub const REPAIR_TRIES_MAX: usize = 32;

/// Rows of an import file, and its size in bytes.
pub const IMPORT_ROWS_MAX: usize = 1_000_000;

/// See [`IMPORT_ROWS_MAX`].
pub const IMPORT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Entries that `journal tail` shows where nothing says which.
pub const TAIL_DEFAULT: u64 = 20;

/// Changes of one transaction that are logged because they do not follow from their row.
pub const DRIFT_LOGGED_MAX: usize = 10;

/// Characters of a dead letter's reason that are kept: the width of its column.
pub const DEAD_LETTER_REASON_MAX: usize = 1_024;

/// Rows that `verify-invariants` reads at once.
pub const VERIFY_PAGE_ROWS: u32 = 2_000;

/// How long outcomes of stock commands are kept: longer than Kafka keeps topics and dead letters, from
/// which a command can come again.
pub const COMMAND_RETENTION: Duration = Duration::from_secs(90 * 86_400);

/// What [`COMMAND_RETENTION`] has beyond the topic's time and that of its dead letters: for whoever
/// replays a dead letter on its last day.
pub const COMMAND_REPLAY_SLACK: Duration = Duration::from_secs(7 * 86_400);

/// Between two looks for outcomes of commands that are older.
pub const COMMAND_PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// Outcomes of commands that one statement removes.
pub const COMMAND_PRUNE_ROWS: u32 = 1_000;

/// How long one attempt of a command goes on asking the engine before the partition waits.
pub const COMMAND_ENGINE_TIMEOUT: Duration = Duration::from_secs(20);

/// Looks of a command at what changes meanwhile (a record that is purged, another worker's outcome),
/// before the partition waits.
pub const COMMAND_LOOKS_MAX: usize = 4;

/// Characters of the order, refund or SKU that a command is about. Longer than any valid id, so that
/// a command that is not valid can be answered; it is the key of the answer.
pub const COMMAND_SUBJECT_LEN_MAX: usize = 128;

/// First and longest pause before a consumer or a relay that ended is started again, and before
/// topics that could not be created are tried again.
pub const KAFKA_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Between two looks whether Kafka is there, and how long one may take.
pub const KAFKA_PROBE_EVERY: Duration = Duration::from_secs(5);

/// See [`KAFKA_PROBE_EVERY`].
pub const KAFKA_PROBE_TIMEOUT: Duration = Duration::from_secs(3);
