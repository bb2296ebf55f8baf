//! Events written in the caller's transaction: they leave if, and only if, the change stays.
//!
//! The tables are made by the service's own migrations, with the text of [`ddl`]. Rows of one key
//! must be inserted by transactions that exclude each other (they lock the aggregate first); then
//! ids are in the order of the commits, and so is what the relay publishes.

mod insert;

use std::sync::Arc;

use contracts::{EncodeError, Envelope, EventData};
use sqlx::MySqlConnection;

use self::insert::Statements;
use crate::{db::ServiceName, trace_context};

/// How many slots rows are spread over, by their key.
pub const SLOTS: u8 = 16;

/// Longest payload, in bytes: with key and headers it still is a message that Kafka takes.
pub const PAYLOAD_BYTES_MAX: usize = 1_000_000;

/// Longest key, in bytes.
pub const KEY_LEN_MAX: usize = 128;

/// The tables of a service's outbox, for a migration.
#[must_use]
pub fn ddl(service: &ServiceName) -> String {
    include_str!("outbox.sql").replace("{service}", service.as_str())
}

/// Why an event was not written. The transaction is still whole, but should not be committed.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// It is no event.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No consumer could take it.
    #[error("the event {event_id:?} has {bytes} bytes, at most {PAYLOAD_BYTES_MAX}")]
    TooLarge {
        /// The event.
        event_id: String,
        /// Its payload's length.
        bytes: usize,
    },
    /// Empty, too long, or not ASCII.
    #[error("the event {event_id:?} has the key {key:?}; a key is 1 to {KEY_LEN_MAX} of ASCII")]
    Key {
        /// The event.
        event_id: String,
        /// Its key.
        key: String,
    },
    /// The database does not take it.
    #[error("writing to the outbox: {0}")]
    Sql(#[from] sqlx::Error),
}

/// An event as the outbox keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    event_id: String,
    aggregate_type: &'static str,
    key: String,
    event_type: &'static str,
    topic: &'static str,
    payload: String,
    traceparent: Option<String>,
}

impl OutboxRow {
    /// The row of an event.
    ///
    /// # Errors
    /// [`OutboxError::Encode`], [`OutboxError::TooLarge`] or [`OutboxError::Key`].
    pub fn new<T: EventData>(envelope: &Envelope<T>) -> Result<Self, OutboxError> {
        let event_id = envelope.id.clone();
        let payload = String::from_utf8(envelope.encode()?)
            .map_err(|error| EncodeError::Data(serde::ser::Error::custom(error.to_string())))?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            let bytes = payload.len();
            return Err(OutboxError::TooLarge { event_id, bytes });
        }
        let key = envelope.data.key();
        if key.is_empty() || key.len() > KEY_LEN_MAX || !key.is_ascii() {
            return Err(OutboxError::Key { event_id, key });
        }
        let traceparent = envelope.traceparent.as_deref();
        Ok(Self {
            event_id,
            aggregate_type: T::EVENT_TYPE.about(),
            key,
            event_type: T::TYPE,
            topic: T::EVENT_TYPE.topic(),
            payload,
            traceparent: traceparent
                .and_then(trace_context::traceparent)
                .map(ToOwned::to_owned),
        })
    }

    /// The event's id.
    #[must_use]
    pub fn event_id(&self) -> &str {
        &self.event_id
    }
}

/// The outbox of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    statements: Arc<Statements>,
}

impl Outbox {
    /// Of the service with this name: the table `<name>_outbox`.
    #[must_use]
    pub fn new(service: &ServiceName) -> Self {
        Self {
            statements: Arc::new(Statements::new(service)),
        }
    }

    /// Writes one event in the caller's transaction.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn insert<T: EventData>(
        &self,
        connection: &mut MySqlConnection,
        envelope: &Envelope<T>,
    ) -> Result<(), OutboxError> {
        self.insert_rows(connection, &[OutboxRow::new(envelope)?])
            .await
    }

    /// Writes many events, with ids in the order of `rows`, in the caller's transaction. A few
    /// statements whatever their number, of a few lengths, so that each is prepared once.
    ///
    /// # Errors
    /// [`OutboxError::Sql`].
    pub async fn insert_rows(
        &self,
        connection: &mut MySqlConnection,
        rows: &[OutboxRow],
    ) -> Result<(), OutboxError> {
        Ok(self.statements.insert(connection, rows).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_named_after_the_service() {
        let service: ServiceName = "order".parse().expect("a name");
        let ddl = ddl(&service);
        assert!(ddl.contains("CREATE TABLE order_outbox ("));
        assert!(ddl.contains("CREATE TABLE order_outbox_slot ("));
        assert!(!ddl.contains('{'));
        for slot in 0..SLOTS {
            assert!(ddl.contains(&format!("({slot})")), "{slot}");
        }
    }
}
