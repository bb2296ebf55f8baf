use std::fmt;

use contracts::Timestamp;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::FutureRecord,
};

use super::{
    AT, ATTEMPTS, CONSUMER, ERROR, KEY_BYTES, OFFSET, PARTITION, PREFIX, REASON, VALUE_BYTES,
};
use crate::{
    clock,
    consumer::Record,
    kafka::{self, Producer},
    topics,
};

/// Longest `dlq_error`, in bytes.
const ERROR_BYTES_MAX: usize = 2048;

/// The length of a value that nobody could read.
const UNKNOWN: &str = "unknown";

/// Why a message is put there.
#[derive(Debug)]
pub(crate) struct Cause<'a> {
    pub(crate) reason: &'a str,
    pub(crate) error: &'a str,
    pub(crate) consumer: &'a str,
    pub(crate) attempts: u32,
}

/// What of a message a letter carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Everything.
    Whole,
    /// Key and headers.
    NoValue,
    /// Only what we say about it.
    Nothing,
}

/// Writes dead letters.
pub(crate) struct DeadLetters(Producer);

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeadLetters")
    }
}

impl DeadLetters {
    pub(crate) fn new(producer: Producer) -> Self {
        Self(producer)
    }

    /// Returns when it is there, with as much of the message as the topic takes.
    pub(crate) async fn write(&self, record: &Record, cause: &Cause<'_>) -> Result<(), KafkaError> {
        for carried in [Carried::Whole, Carried::NoValue] {
            match self.try_write(record, cause, carried).await {
                Err(error) if kafka::is_too_large(&error) => tracing::warn!(
                    topic = record.topic,
                    partition = record.partition,
                    offset = record.offset,
                    bytes = record.len(),
                    ?carried,
                    "too large for the dead letters: it is cut"
                ),
                answer => return answer,
            }
        }
        self.try_write(record, cause, Carried::Nothing).await
    }

    async fn try_write(
        &self,
        record: &Record,
        cause: &Cause<'_>,
        carried: Carried,
    ) -> Result<(), KafkaError> {
        let at = Timestamp::from_unix_ms(clock::unix_ms())
            .map_or_else(|_| String::new(), |at| at.to_string());
        let mut headers = match carried {
            Carried::Whole | Carried::NoValue => record.headers_without(PREFIX),
            Carried::Nothing => OwnedHeaders::new(),
        };
        for (key, value) in [
            (REASON, cause.reason),
            (ERROR, cut(cause.error)),
            (CONSUMER, cause.consumer),
            (PARTITION, &record.partition.to_string()),
            (OFFSET, &record.offset.to_string()),
            (ATTEMPTS, &cause.attempts.to_string()),
            (AT, &at),
        ] {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let (mut key, mut value) = (record.key.as_deref(), record.value.as_deref());
        if record.unreadable.is_some() {
            headers = headers.insert(Header {
                key: VALUE_BYTES,
                value: Some(UNKNOWN),
            });
        } else if carried != Carried::Whole {
            headers = headers.insert(Header {
                key: VALUE_BYTES,
                value: Some(&length(value.take())),
            });
        }
        if carried == Carried::Nothing {
            headers = headers.insert(Header {
                key: KEY_BYTES,
                value: Some(&length(key.take())),
            });
        }
        let topic = topics::dlq_of(&record.topic);
        send(&self.0, &topic, Some(0), key, value, headers).await
    }
}

/// Sends one message and waits until Kafka has it.
pub(super) async fn send(
    producer: &Producer,
    topic: &str,
    partition: Option<i32>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: OwnedHeaders,
) -> Result<(), KafkaError> {
    let mut message = FutureRecord::to(topic).headers(headers);
    if let Some(partition) = partition {
        message = message.partition(partition);
    }
    if let Some(key) = key {
        message = message.key(key);
    }
    if let Some(value) = value {
        message = message.payload(value);
    }
    let delivery = producer.send_result(message).map_err(|(error, _)| error)?;
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(error),
        Err(_) => Err(KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue)),
    }
}

/// The length of what is left out, as text.
fn length(bytes: Option<&[u8]>) -> String {
    bytes.map_or(0, <[u8]>::len).to_string()
}

/// What fits into a header, whole characters only.
fn cut(error: &str) -> &str {
    if error.len() <= ERROR_BYTES_MAX {
        return error;
    }
    let mut end = ERROR_BYTES_MAX;
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    error.split_at(end).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ä".repeat(ERROR_BYTES_MAX);
        assert_eq!(cut(&format!("x{long}")).len(), ERROR_BYTES_MAX - 1);
    }
}
