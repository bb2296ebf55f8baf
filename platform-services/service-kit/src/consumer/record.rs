//! A message as it came.

use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers as _, OwnedHeaders},
};

/// A message that outlives librdkafka's buffer.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp_ms: Option<i64>,
    /// Why there is nothing of it: it stands in a batch that cannot be read.
    pub(crate) unreadable: Option<String>,
}

impl Record {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), header.value.map(ToOwned::to_owned)))
                .collect()
        });
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(ToOwned::to_owned),
            value: message.payload().map(ToOwned::to_owned),
            headers,
            timestamp_ms: message.timestamp().to_millis(),
            unreadable: None,
        }
    }

    /// A message of which nothing but its place is known.
    pub(crate) fn unreadable((topic, partition): &(String, i32), offset: i64, why: String) -> Self {
        Self {
            topic: topic.clone(),
            partition: *partition,
            offset,
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp_ms: None,
            unreadable: Some(why),
        }
    }

    /// What it takes in memory, about.
    pub(crate) fn len(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len));
        self.key.as_ref().map_or(0, Vec::len)
            + self.value.as_ref().map_or(0, Vec::len)
            + headers.sum::<usize>()
            + size_of::<Self>()
    }

    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rev().find(|(key, _)| key == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    /// Its headers, without those whose name begins with `prefix`.
    pub(crate) fn headers_without(&self, prefix: &str) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new_with_capacity(self.headers.len() + 8);
        for (key, value) in &self.headers {
            if !key.starts_with(prefix) {
                headers = headers.insert(rdkafka::message::Header {
                    key,
                    value: value.as_deref(),
                });
            }
        }
        headers
    }
}
