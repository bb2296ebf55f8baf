use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{
    EVENT_ID_LEN_MAX, Envelope, EventData, EventType, SPEC_VERSION, Timestamp, TimestampError,
    UnknownVersion,
};

/// Why a text is no event. No retry helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or not an object.
    #[error("not a JSON object: {0}")]
    NotAnObject(String),
    /// An attribute that every event has is absent or null.
    #[error("the attribute `{0}` is missing")]
    Missing(&'static str),
    /// An attribute is not a text.
    #[error("the attribute `{attribute}` must be a string, is {found}")]
    NotAString {
        /// The attribute.
        attribute: &'static str,
        /// What it is instead.
        found: &'static str,
    },
    /// An attribute that every event has is an empty text.
    #[error("the attribute `{0}` must not be empty")]
    Empty(&'static str),
    /// The id is longer than [`EVENT_ID_LEN_MAX`].
    #[error("the attribute `id` must be at most {EVENT_ID_LEN_MAX} bytes, has {0}")]
    IdTooLong(usize),
    /// `CloudEvents` in another version.
    #[error("the attribute `specversion` must be \"{SPEC_VERSION}\", is {0:?}")]
    SpecVersion(String),
    /// `time` is no moment.
    #[error("the attribute `time` is wrong: {0}")]
    Time(TimestampError),
    /// The data is something other than JSON.
    #[error("the attribute `datacontenttype` must be JSON, is {0:?}")]
    DataContentType(String),
}

/// Why an event cannot be handled. No retry helps: it belongs into the dead letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is no event.
    #[error("not an event: {0}")]
    Envelope(#[from] EnvelopeError),
    /// A version of its type that is not known here.
    #[error(transparent)]
    Version(#[from] UnknownVersion),
    /// It is of another type than the one asked for.
    #[error("an event of the type {found:?}, not of {expected}")]
    OtherType {
        /// The type asked for.
        expected: EventType,
        /// The event's own.
        found: String,
    },
    /// The data is not that of its type.
    #[error("the data is not that of {event_type}: {reason}")]
    Data {
        /// The event's type.
        event_type: EventType,
        /// What is wrong, and at which place of the data.
        reason: String,
    },
}

/// An event whose data was not looked into: enough to tell whether one wants it.
#[derive(Debug, Clone)]
pub struct RawEnvelope<'a> {
    /// `type`, known or not.
    pub event_type: String,
    /// The rest, with the data as it stands in the payload.
    pub envelope: Envelope<&'a RawValue>,
}

impl<'a> RawEnvelope<'a> {
    /// Reads and checks the envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`] names the first attribute that is wrong.
    pub fn decode(payload: &'a [u8]) -> Result<Self, EnvelopeError> {
        let attributes = Attributes(
            serde_json::from_slice(payload)
                .map_err(|error| EnvelopeError::NotAnObject(error.to_string()))?,
        );
        let spec_version = attributes.required("specversion")?;
        if spec_version != SPEC_VERSION {
            return Err(EnvelopeError::SpecVersion(spec_version));
        }
        let id = attributes.required("id")?;
        if id.len() > EVENT_ID_LEN_MAX {
            return Err(EnvelopeError::IdTooLong(id.len()));
        }
        let event_type = attributes.required("type")?;
        let source = attributes.required("source")?;
        let time = attributes.optional("time")?;
        let time = time.map(|text| Timestamp::parse(&text)).transpose();
        let data_content_type = attributes.optional("datacontenttype")?;
        if let Some(other) = data_content_type.filter(|text| !is_json(text)) {
            return Err(EnvelopeError::DataContentType(other));
        }
        Ok(Self {
            event_type,
            envelope: Envelope {
                id,
                source,
                subject: attributes.optional("subject")?,
                time: time.map_err(EnvelopeError::Time)?,
                correlation_id: attributes.optional("correlationid")?,
                causation_id: attributes.optional("causationid")?,
                traceparent: attributes.optional("traceparent")?,
                data: attributes
                    .get("data")
                    .ok_or(EnvelopeError::Missing("data"))?,
            },
        })
    }

    /// Reads the data as that of one type.
    ///
    /// # Errors
    /// [`DecodeError::OtherType`] or [`DecodeError::Version`] when the envelope names another one,
    /// [`DecodeError::Data`] when the data is not that of the type.
    pub fn decode_data<T: EventData>(self) -> Result<Envelope<T>, DecodeError> {
        if EventType::parse(&self.event_type)? != Some(T::EVENT_TYPE) {
            return Err(DecodeError::OtherType {
                expected: T::EVENT_TYPE,
                found: self.event_type,
            });
        }
        let data = serde_json::from_str(self.envelope.data.get());
        let data = data.map_err(|error| DecodeError::Data {
            event_type: T::EVENT_TYPE,
            reason: error.to_string(),
        })?;
        Ok(self.envelope.map(|_| data))
    }
}

/// What the payload says, not looked into.
struct Attributes<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Attributes<'a> {
    /// An attribute; null is as good as absent (`CloudEvents` JSON format, 2.1).
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let value = self.0.get(name).copied();
        value.filter(|value| value.get() != "null")
    }

    fn text(&self, attribute: &'static str) -> Result<Option<String>, EnvelopeError> {
        let Some(value) = self.get(attribute) else {
            return Ok(None);
        };
        let text = serde_json::from_str(value.get());
        text.map(Some).map_err(|_| EnvelopeError::NotAString {
            attribute,
            found: kind(value),
        })
    }

    fn required(&self, attribute: &'static str) -> Result<String, EnvelopeError> {
        let text = self.text(attribute)?;
        let text = text.ok_or(EnvelopeError::Missing(attribute))?;
        if text.is_empty() {
            return Err(EnvelopeError::Empty(attribute));
        }
        Ok(text)
    }

    /// Empty is as good as absent: what one can do without does not make an event unreadable.
    fn optional(&self, attribute: &'static str) -> Result<Option<String>, EnvelopeError> {
        Ok(self.text(attribute)?.filter(|text| !text.is_empty()))
    }
}

/// What a JSON value is, for people.
fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'"') => "a string that is not Unicode",
        Some(_) | None => "a number",
    }
}

/// Whether a media type is one of JSON, whatever its parameters.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or(media_type);
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}
