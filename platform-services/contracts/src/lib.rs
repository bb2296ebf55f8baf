#![doc = include_str!("../README.md")]

#[macro_use]
mod table;

mod any;
mod envelope;
mod event;
mod event_type;
mod id;
mod money;
mod producer;
mod raw;
mod timestamp;

pub mod catalog;
pub mod header;
pub mod inventory;
pub mod order;
pub mod payment;
pub mod user;

pub use any::AnyEvent;
pub use envelope::{EncodeError, Envelope};
pub use event::EventData;
pub use event_type::{EventType, UnknownVersion};
pub use id::{COMMAND_NAMESPACE, InventoryNumber, failed_event_id, inventory_event_id};
pub use money::{Amount, KRW};
pub use producer::Producer;
pub use raw::{DecodeError, EnvelopeError, RawEnvelope};
pub use timestamp::{Timestamp, TimestampError};

/// The media type of an event on Kafka: the whole envelope, as JSON.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The only `specversion` there is.
pub const SPEC_VERSION: &str = "1.0";

/// Longest `id` of an event, in bytes: every consumer keeps the ids it has handled.
pub const EVENT_ID_LEN_MAX: usize = 255;

/// The JSON Schema (2020-12) of the envelope, whatever its data.
pub const ENVELOPE_SCHEMA: &str = include_str!("../schemas/envelope.json");
