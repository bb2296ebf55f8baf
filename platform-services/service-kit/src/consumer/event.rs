use contracts::{AnyEvent, Envelope, EventData, EventType, RawEnvelope};
use serde_json::value::RawValue;

use super::HandlerError;

/// An event to handle: a sound envelope of a known type, its data not looked into.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    pub(super) raw: RawEnvelope<'a>,
    pub(super) event_type: EventType,
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) attempt: u32,
}

impl<'a> Event<'a> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.raw.envelope.id
    }

    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        self.event_type
    }

    /// The envelope around the data as it stands in the message; what follows from this event is
    /// [`Envelope::caused_by`] it.
    #[must_use]
    pub fn envelope(&self) -> &Envelope<&'a RawValue> {
        &self.raw.envelope
    }

    /// The event as that of one type.
    ///
    /// # Errors
    /// [`HandlerError::Permanent`] `INVALID_DATA` when it is none.
    pub fn decode<T: EventData>(&self) -> Result<Envelope<T>, HandlerError> {
        Ok(self.raw.clone().decode_data()?)
    }

    /// The event as that of its own type.
    ///
    /// # Errors
    /// [`HandlerError::Permanent`] `INVALID_DATA` when the data is not that of the type.
    pub fn decode_any(&self) -> Result<Envelope<AnyEvent>, HandlerError> {
        Ok(self.raw.clone().decode_any()?)
    }

    /// The topic it came from.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.topic
    }

    /// The partition it came from.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Its place in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// The how manieth attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}
