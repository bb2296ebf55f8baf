//! The Kafka headers of an event. They repeat what the envelope says, for filters and tools that do
//! not want to read it; where they differ, the envelope decides.

/// The event's id.
pub const ID: &str = "id";

/// The event's type.
pub const CE_TYPE: &str = "ce_type";

/// [`crate::CONTENT_TYPE`].
pub const CONTENT_TYPE: &str = "content-type";

/// The W3C trace context, where there is one.
pub const TRACEPARENT: &str = "traceparent";
