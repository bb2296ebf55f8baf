//! Dead letters: events that no attempt could handle, on `<topic>.dlq`, key and value unchanged,
//! with headers that say why; and what became of them. A value that is too large for that topic is
//! left out, and its length said; where the key or the headers are, so are they.
//!
//! Kafka has no way to take one message out of a topic. So a letter that was replayed or discarded
//! is followed by a *note* on the same topic: a message without key and value whose headers name
//! the letter's offset. What stands before the first open letter is deleted.

mod letters;
mod resolve;
mod scan;
mod watch;
mod write;

pub(crate) use self::write::{Cause, DeadLetters};
pub use self::{
    letters::{DlqError, Letter, Letters, Resolution, find, read},
    resolve::{Pick, Resolved, resolve},
    watch::{DlqMetrics, watch},
};

/// What every header of ours begins with; they are not replayed.
const PREFIX: &str = "dlq_";

/// Why: a word in `UPPER_CASE`.
pub const REASON: &str = "dlq_reason";
/// Why, for people.
pub const ERROR: &str = "dlq_error";
/// The handler that could not.
pub const CONSUMER: &str = "dlq_consumer";
/// The partition it came from.
pub const PARTITION: &str = "dlq_partition";
/// Its place there.
pub const OFFSET: &str = "dlq_offset";
/// Attempts that were made.
pub const ATTEMPTS: &str = "dlq_attempts";
/// Bytes of the value, where the letter could not carry it; `unknown` where it could not be read.
pub const VALUE_BYTES: &str = "dlq_value_bytes";
/// Bytes of the key, where the letter could not carry it, either.
pub const KEY_BYTES: &str = "dlq_key_bytes";
/// When, RFC 3339.
pub const AT: &str = "dlq_at";

/// In a note: the offset of the letter.
const NOTE_OFFSET: &str = "dlq_note_offset";
/// In a note: what became of it.
const NOTE_RESOLUTION: &str = "dlq_note_resolution";
