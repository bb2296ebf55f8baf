//! Reading a dead letter topic.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use contracts::{RawEnvelope, Timestamp};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use serde::Serialize;

use super::{
    AT, ATTEMPTS, CONSUMER, ERROR, NOTE_OFFSET, NOTE_RESOLUTION, OFFSET, PARTITION, REASON,
};
use crate::{
    consumer::Record,
    kafka::{self, Context, Kafka},
    topics::{self, DLQ_SUFFIX},
};

/// How long Kafka may take to answer, and to say nothing while a topic is read.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Letters that are held in memory at once.
const LETTERS_MAX: usize = 100_000;

/// Why dead letters could not be read or resolved.
#[derive(Debug, thiserror::Error)]
pub enum DlqError {
    /// Kafka does not answer, or refuses.
    #[error("{topic}: {error}")]
    Kafka {
        /// The dead letter topic.
        topic: String,
        /// What it says.
        error: KafkaError,
    },
    /// There is no such topic.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// Nothing came for a while, before the end.
    #[error("{0}: Kafka said nothing for 10 s before the end of the topic")]
    Silent(String),
    /// More than can be held.
    #[error("{0} has more than {LETTERS_MAX} messages")]
    TooMany(String),
    /// The task was cancelled.
    #[error("reading was given up")]
    Cancelled,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// Put on its topic again.
    Replayed,
    /// Not wanted any more.
    Discarded,
}

impl Resolution {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Replayed, Self::Discarded]
            .into_iter()
            .find(|resolution| resolution.name() == text)
    }
}

/// A dead letter.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Its place on the dead letter topic.
    pub offset: i64,
    /// The topic it came from.
    pub topic: String,
    /// Where it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_partition: Option<i32>,
    /// Where it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_offset: Option<i64>,
    /// The event's id, where it has one that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The event's type, where it has one that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The key as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why, in a word.
    pub reason: String,
    /// Why, for people.
    pub error: String,
    /// The handler that could not.
    pub consumer: String,
    /// Attempts that were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// When.
    pub at: String,
    /// What became of it; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// The value as text; bytes that are none are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip)]
    pub(super) record: Record,
}

/// A dead letter topic, read from its beginning to its end.
#[derive(Debug)]
pub struct Letters {
    /// The topic that they came from.
    pub topic: String,
    /// In the order in which they came.
    pub letters: Vec<Letter>,
    /// The first offset.
    pub(super) low: i64,
    /// The offset after the last message.
    pub(super) high: i64,
}

impl Letters {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        let open = |letter: &&Letter| letter.resolution.is_none();
        self.letters.iter().filter(open).count()
    }
}

/// Reads the dead letters of `topic`, which may be named with or without `.dlq`.
///
/// # Errors
/// [`DlqError`].
pub async fn read(kafka: &Kafka, topic: &str) -> Result<Letters, DlqError> {
    let topic = topic.strip_suffix(DLQ_SUFFIX).unwrap_or(topic).to_owned();
    let kafka = kafka.clone();
    tokio::task::spawn_blocking(move || read_blocking(&kafka, topic))
        .await
        .map_err(|_| DlqError::Cancelled)?
}

/// A consumer that belongs to no group: it only looks.
pub(super) fn observer(kafka: &Kafka) -> Result<BaseConsumer<Context>, KafkaError> {
    kafka
        .config(&[
            // Asked for by librdkafka, never joined: there is no subscription.
            ("group.id", "dlq"),
            ("enable.auto.commit", "false"),
            ("isolation.level", "read_uncommitted"),
            ("enable.partition.eof", "true"),
            ("fetch.message.max.bytes", "20000000"),
        ])
        .create_with_context(Context)
}

/// The first offset, and the one after the last.
pub(super) fn ends(consumer: &BaseConsumer<Context>, dlq: &str) -> Result<(i64, i64), DlqError> {
    consumer
        .fetch_watermarks(dlq, 0, ANSWER_TIMEOUT)
        .map_err(|error| match error.rdkafka_error_code() {
            Some(code) if kafka::is_unknown_topic(code) => DlqError::NoTopic(dlq.to_owned()),
            Some(_) | None => DlqError::Kafka {
                topic: dlq.to_owned(),
                error,
            },
        })
}

fn read_blocking(kafka: &Kafka, topic: String) -> Result<Letters, DlqError> {
    let dlq = topics::dlq_of(&topic);
    let failed = |error| DlqError::Kafka {
        topic: dlq.clone(),
        error,
    };
    let consumer = observer(kafka).map_err(failed)?;
    let (low, high) = ends(&consumer, &dlq)?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&dlq, 0, Offset::Offset(low))
        .map_err(failed)?;
    consumer.assign(&list).map_err(failed)?;
    let mut records = BTreeMap::new();
    let mut heard = Instant::now();
    let mut next = low;
    while next < high {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                let record = Record::of(&message);
                next = record.offset.saturating_add(1);
                records.insert(record.offset, record);
                if records.len() > LETTERS_MAX {
                    return Err(DlqError::TooMany(dlq));
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => tracing::debug!(%error, "reading dead letters"),
            None if heard.elapsed() > ANSWER_TIMEOUT => return Err(DlqError::Silent(dlq)),
            None => {}
        }
    }
    Ok(Letters {
        letters: letters(&topic, records.into_values()),
        topic,
        low,
        high,
    })
}

fn letters(topic: &str, records: impl Iterator<Item = Record>) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut notes = HashMap::new();
    for record in records {
        match note(&record) {
            Some((offset, resolution)) => {
                notes.insert(offset, resolution);
            }
            None => letters.push(letter(topic, record)),
        }
    }
    for letter in &mut letters {
        letter.resolution = notes.get(&letter.offset).copied();
    }
    letters
}

/// The letter that a note is about, and what became of it.
fn note(record: &Record) -> Option<(i64, Resolution)> {
    let offset = record.header(NOTE_OFFSET)?.parse().ok()?;
    let resolution = Resolution::parse(record.header(NOTE_RESOLUTION)?)?;
    Some((offset, resolution))
}

fn letter(topic: &str, record: Record) -> Letter {
    let text = |name: &str| record.header(name).unwrap_or_default().to_owned();
    let lossy = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let value = record.value.as_deref().unwrap_or_default();
    let (event_id, event_type) = RawEnvelope::decode(value)
        .map(|raw| (raw.envelope.id, raw.event_type))
        .ok()
        .unzip();
    let at = record.header(AT).map(ToOwned::to_owned).or_else(|| {
        let ms = record.timestamp_ms?;
        Some(Timestamp::from_unix_ms(ms).ok()?.to_string())
    });
    Letter {
        offset: record.offset,
        topic: topic.to_owned(),
        source_partition: record.header(PARTITION).and_then(|text| text.parse().ok()),
        source_offset: record.header(OFFSET).and_then(|text| text.parse().ok()),
        event_id: event_id.or_else(|| record.header("id").map(ToOwned::to_owned)),
        event_type,
        key: record.key.as_ref().map(lossy),
        reason: text(REASON),
        error: text(ERROR),
        consumer: text(CONSUMER),
        attempts: record.header(ATTEMPTS).and_then(|text| text.parse().ok()),
        at: at.unwrap_or_default(),
        resolution: None,
        value: record.value.as_ref().map(lossy),
        record,
    }
}
