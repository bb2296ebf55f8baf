//! Every limit of the server that is no flag, by name, with its reason.

use std::time::Duration;

/// Largest body of a request about one thing, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Largest body of a batch or bulk request, in bytes.
pub const BATCH_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes over its limit that a refused body is read on, so that the answer reaches a client that
/// still writes.
pub const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// Elements of a batch or bulk request.
pub const BATCH_ELEMENTS_MAX: usize = 1_000;
/// Engine calls that one batch of confirms, releases or adjustments has in flight.
pub const BATCH_CALLS_IN_FLIGHT_MAX: usize = 16;
/// Batch requests worked on at once; others wait within their deadline.
pub const BATCH_REQUESTS_IN_FLIGHT_MAX: usize = 4;
/// Distinct stocks in one coalesced read.
pub const STOCK_READ_KEYS_MAX: usize = 256;
/// Members that an object of a request may have; none of ours has more than 10.
pub const MEMBERS_MAX: usize = 32;
/// Field errors that one problem lists.
pub const FIELD_ERRORS_MAX: usize = 200;
/// Characters of a caller's own text that a problem repeats.
pub const ECHO_CHARS_MAX: usize = 64;
/// Stocks on a page of the listing when the request names no number.
pub const STOCK_PAGE_DEFAULT: usize = 100;
/// Longest `X-Request-Id` that is echoed, in bytes: as long as a text in the journal may be.
pub const REQUEST_ID_LEN_MAX: usize = inventory_core::limits::TEXT_LEN_MAX;

/// Header fields of one request.
pub const HEADERS_MAX: usize = 64;
/// Read buffer of an HTTP/1 connection, hence the longest request head, in bytes.
pub const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Requests of one HTTP/2 connection that are worked on at once. Not fewer: clients begin with 100
/// before they have heard the number, and those over it would be refused.
pub const H2_STREAMS_MAX: u32 = 100;
/// Bytes of one HTTP/2 request's body that may be on their way unread.
pub const H2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same for all requests of a connection together: they wait outside of the budget for bodies.
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Connections that the kernel keeps until they are accepted; it may have a lower limit itself.
pub const LISTEN_BACKLOG: u32 = 4_096;
/// Header list of one HTTP/2 request, in bytes.
pub const H2_HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
/// How often open connections are looked over for idle and stalled ones.
pub const CONNECTION_TICK: Duration = Duration::from_millis(250);
/// Pause after `accept` failed for lack of descriptors.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// How often watched stocks are read: at most 10 events a second for each.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// Silence after which a stream gets a comment, so that proxies keep it open.
pub const WATCH_HEARTBEAT: Duration = Duration::from_secs(15);

/// Pause of the sweeper when nothing is due: holds are back within a second.
pub const SWEEP_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause of the sweeper after faults.
pub const SWEEP_BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Pause of the purger when nothing is old enough.
pub const PURGE_PAUSE: Duration = Duration::from_secs(3);
/// How often the shard is asked how it stands.
pub const STATUS_INTERVAL: Duration = Duration::from_secs(2);
/// Time that a background call may take.
pub const BACKGROUND_CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Time that a readiness probe waits for Redis.
pub const READY_CALL_TIMEOUT: Duration = Duration::from_secs(1);
/// A journal over its budget admits reserves again below this share of it, in percent.
pub const JOURNAL_RESUME_PERCENT: u64 = 95;
/// Without a projection the journal is trimmed to this share of its budget, in percent: well below
/// the mark at which a full one admits reserves again.
pub const JOURNAL_TRIM_PERCENT: u64 = 80;
/// Pause between two tries to reach Redis at start.
pub const CONNECT_PAUSE: Duration = Duration::from_millis(250);

/// Longest path of a unix socket, in bytes (`sockaddr_un` less its terminator).
pub const SOCKET_PATH_LEN_MAX: usize = 107;
/// How often a Redis that is starting or stopping is asked.
pub const EMBEDDED_POLL: Duration = Duration::from_millis(20);
/// Time that an embedded Redis gets to write its last bytes before it is killed.
pub const EMBEDDED_STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause before an embedded Redis that keeps dying is started again.
pub const EMBEDDED_BACKOFF_MAX: Duration = Duration::from_secs(5);
