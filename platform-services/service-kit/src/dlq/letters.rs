//! Reading a dead letter topic.

use std::ops::{ControlFlow, Range};

use contracts::{RawEnvelope, Timestamp};
use rdkafka::{Message as _, error::KafkaError};
use serde::Serialize;

use super::{
    AT, ATTEMPTS, CONSUMER, ERROR, KEY_BYTES, OFFSET, PARTITION, Pick, REASON, VALUE_BYTES,
    scan::{Scan, Tally, note},
};
use crate::{consumer::Record, kafka::Kafka, topics::DLQ_SUFFIX};

/// Letters that are held in memory at once.
pub(super) const PAGE_LETTERS_MAX: usize = 10_000;

/// Bytes of letters that are held in memory at once; the last one may be longer.
const PAGE_BYTES_MAX: usize = 64 << 20;

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
    /// Kafka does not trust us, or we do not trust it.
    #[error("{topic}: {why}")]
    Refused {
        /// The dead letter topic.
        topic: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// There is no such topic.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// Nothing came for a while, before the end.
    #[error("{0}: Kafka said nothing for 10 s before the end of the topic")]
    Silent(String),
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

    pub(super) fn parse(text: &str) -> Option<Self> {
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
    /// Bytes of the value where the letter could not carry it. Such a letter is not replayed, as little as
    /// one for the reason `UNREADABLE`, of whose value nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_bytes: Option<u64>,
    /// Bytes of the key where the letter could not carry it, either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_bytes: Option<u64>,
    /// The value as text; bytes that are none are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip)]
    pub(super) record: Record,
}

impl Letter {
    /// Whether the letter carries the value that the message had.
    pub(super) fn has_value(&self) -> bool {
        self.record.header(VALUE_BYTES).is_none()
    }
}

/// Letters of a topic: as many as are held at once.
#[derive(Debug)]
pub struct Letters {
    /// The topic that they came from.
    pub topic: String,
    /// In the order in which they came.
    pub letters: Vec<Letter>,
    /// The offsets that were not looked at, where there is more than is held at once.
    pub rest: Option<Range<i64>>,
    open: usize,
}

impl Letters {
    /// How many letters of the topic are open, whether they are here or not.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open
    }
}

/// Reads the dead letters of `topic`, which may be named with or without `.dlq`; also those that were
/// replayed or discarded, as long as Kafka has them. Up to 10,000 letters or 64 MiB: see
/// [`Letters::rest`].
///
/// # Errors
/// [`DlqError`].
pub async fn read(kafka: &Kafka, topic: &str) -> Result<Letters, DlqError> {
    find(kafka, topic, &Pick::default(), true).await
}

/// As [`read`], only letters that are meant; with `resolved` also those at the same offsets that were
/// replayed or discarded.
///
/// # Errors
/// [`DlqError`].
pub async fn find(
    kafka: &Kafka,
    topic: &str,
    pick: &Pick,
    resolved: bool,
) -> Result<Letters, DlqError> {
    let (kafka, topic, pick) = (kafka.clone(), plain(topic).to_owned(), pick.clone());
    blocking(move || {
        let reading = Reading::new(&kafka, &topic)?;
        let range = reading.meant(&pick);
        let end = range.end;
        let wanted =
            |letter: &Letter| pick.means(letter) || (resolved && letter.resolution.is_some());
        let (letters, next) = reading.page(range, wanted)?;
        Ok(Letters {
            letters,
            rest: (next < end).then_some(next..end),
            open: reading.tally.open.len(),
            topic,
        })
    })
    .await
}

/// The topic that the letters came from.
pub(super) fn plain(topic: &str) -> &str {
    topic.strip_suffix(DLQ_SUFFIX).unwrap_or(topic)
}

/// On a thread that may wait for Kafka.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DlqError> + Send + 'static,
) -> Result<T, DlqError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| DlqError::Cancelled)?
}

/// A dead letter topic of which it is known what is open.
pub(super) struct Reading {
    scan: Scan,
    topic: String,
    pub(super) ends: Range<i64>,
    pub(super) tally: Tally,
}

impl Reading {
    /// Looks at all of it once, without keeping values.
    pub(super) fn new(kafka: &Kafka, topic: &str) -> Result<Self, DlqError> {
        let scan = Scan::new(kafka, topic)?;
        let ends = scan.ends()?;
        Ok(Self {
            tally: Tally::of(&scan, &ends)?,
            topic: topic.to_owned(),
            scan,
            ends,
        })
    }

    /// Offsets at which letters can be that are meant.
    pub(super) fn meant(&self, pick: &Pick) -> Range<i64> {
        let Some(offsets) = &pick.offsets else {
            return self.ends.clone();
        };
        let start = self.ends.start.max(*offsets.start());
        let end = self.ends.end.min(offsets.end().saturating_add(1));
        start..end.max(start)
    }

    /// As many of the letters that are wanted as may be held at once, and where the next page begins.
    pub(super) fn page(
        &self,
        range: Range<i64>,
        wanted: impl Fn(&Letter) -> bool,
    ) -> Result<(Vec<Letter>, i64), DlqError> {
        let (mut letters, mut bytes) = (Vec::new(), 0_usize);
        let next = self.scan.read(range, |message| {
            if note(message).is_some() {
                return ControlFlow::Continue(());
            }
            let mut letter = letter(&self.topic, Record::of(message));
            letter.resolution = self.tally.resolved.get(&message.offset()).copied();
            if wanted(&letter) {
                bytes = bytes.saturating_add(letter.record.len());
                letters.push(letter);
            }
            if letters.len() >= PAGE_LETTERS_MAX || bytes >= PAGE_BYTES_MAX {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok((letters, next))
    }
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
        value_bytes: record
            .header(VALUE_BYTES)
            .and_then(|text| text.parse().ok()),
        key_bytes: record.header(KEY_BYTES).and_then(|text| text.parse().ok()),
        value: record.value.as_ref().map(lossy),
        record,
    }
}
