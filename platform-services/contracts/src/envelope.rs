use serde::Serialize;

use crate::{DecodeError, EVENT_ID_LEN_MAX, EventData, RawEnvelope, SPEC_VERSION, Timestamp};

/// Why an event cannot be written: nobody could read it.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// An attribute that every event has is empty.
    #[error("the attribute `{0}` must not be empty")]
    Empty(&'static str),
    /// The id is longer than [`EVENT_ID_LEN_MAX`].
    #[error("the attribute `id` must be at most {EVENT_ID_LEN_MAX} bytes, has {0}")]
    IdTooLong(usize),
    /// The data is not JSON.
    #[error("the data cannot be written as JSON: {0}")]
    Data(#[from] serde_json::Error),
}

/// A `CloudEvents` 1.0 event in structured JSON.
///
/// Attributes that this contract does not name are passed over when one is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<T> {
    /// The event's id, at most [`EVENT_ID_LEN_MAX`] bytes. A repeat has the same one, and so is
    /// known; within its source nothing else has it.
    pub id: String,
    /// Who wrote it, a URI reference ([`crate::Producer::source`]).
    pub source: String,
    /// The id of what it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// `correlationid`: the order id through a whole saga, or the id of the request.
    pub correlation_id: Option<String>,
    /// `causationid`: the id of the event or request that caused this one.
    pub causation_id: Option<String>,
    /// The W3C trace context as it came. Whether it is well-formed is the tracer's concern.
    pub traceparent: Option<String>,
    /// What happened.
    pub data: T,
}

/// The envelope as JSON has it. The order of the fields is part of it: the relay and Debezium
/// publish the same bytes.
#[derive(Serialize)]
struct Wire<'a, T> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: &'a T,
}

impl<T> Envelope<T> {
    /// The same envelope around something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Envelope<U> {
        Envelope {
            id: self.id,
            source: self.source,
            subject: self.subject,
            time: self.time,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent,
            data: f(self.data),
        }
    }

    /// Says which event caused this one, and takes its correlation and trace over.
    #[must_use]
    pub fn caused_by<U>(self, cause: &Envelope<U>) -> Self {
        Self {
            correlation_id: cause.correlation_id.clone(),
            causation_id: Some(cause.id.clone()),
            traceparent: cause.traceparent.clone(),
            ..self
        }
    }
}

impl<T: EventData> Envelope<T> {
    /// An event of its type's producer about its data's subject, so far without cause.
    #[must_use]
    pub fn new(id: String, time: Timestamp, data: T) -> Self {
        Self {
            id,
            source: T::EVENT_TYPE.producer().source().to_owned(),
            subject: Some(data.subject()),
            time: Some(time),
            correlation_id: None,
            causation_id: None,
            traceparent: None,
            data,
        }
    }

    /// The event as it is stored and published. The same event gives the same bytes.
    ///
    /// # Errors
    /// [`EncodeError`] for an event that [`Self::decode`] would refuse.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        for (attribute, text) in [("id", &self.id), ("source", &self.source)] {
            if text.is_empty() {
                return Err(EncodeError::Empty(attribute));
            }
        }
        if self.id.len() > EVENT_ID_LEN_MAX {
            return Err(EncodeError::IdTooLong(self.id.len()));
        }
        let wire = Wire {
            specversion: SPEC_VERSION,
            id: &self.id,
            source: &self.source,
            event_type: T::TYPE,
            subject: given(self.subject.as_deref()),
            time: self.time,
            datacontenttype: "application/json",
            correlationid: given(self.correlation_id.as_deref()),
            causationid: given(self.causation_id.as_deref()),
            traceparent: given(self.traceparent.as_deref()),
            data: &self.data,
        };
        Ok(serde_json::to_vec(&wire)?)
    }

    /// Reads an event that must be of this type.
    ///
    /// # Errors
    /// [`DecodeError`]: it can never be read as this type.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        RawEnvelope::decode(payload)?.decode_data()
    }
}

/// An empty attribute is an absent one: `CloudEvents` knows no empty texts.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
