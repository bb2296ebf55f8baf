//! Replaying and discarding dead letters.

use std::{ops::RangeInclusive, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    error::KafkaError,
    message::{Header, OwnedHeaders},
};
use serde::Serialize;

use super::{
    DlqError, Letter, NOTE_OFFSET, NOTE_RESOLUTION, PREFIX, Resolution,
    letters::{Reading, blocking, plain},
    write::send,
};
use crate::{
    kafka::{Context, Kafka, Producer},
    topics,
};

const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Which letters. What is not said leaves the choice open; resolved letters are never meant.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    /// Those with one of these event ids.
    pub ids: Vec<String>,
    /// Those at these offsets of the dead letter topic.
    pub offsets: Option<RangeInclusive<i64>>,
    /// Those of one handler.
    pub consumer: Option<String>,
    /// Those with one reason.
    pub reason: Option<String>,
}

impl Pick {
    /// Whether it means the letter.
    #[must_use]
    pub fn means(&self, letter: &Letter) -> bool {
        let id = || letter.event_id.as_ref();
        letter.resolution.is_none()
            && (self.ids.is_empty() || id().is_some_and(|id| self.ids.contains(id)))
            && self
                .offsets
                .as_ref()
                .is_none_or(|offsets| offsets.contains(&letter.offset))
            && self
                .consumer
                .as_ref()
                .is_none_or(|name| *name == letter.consumer)
            && self
                .reason
                .as_ref()
                .is_none_or(|reason| *reason == letter.reason)
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The topic that the letters came from.
    pub topic: String,
    /// What became of them.
    pub resolution: Resolution,
    /// Their offsets on the dead letter topic.
    pub offsets: Vec<i64>,
    /// Offsets of letters that were meant and could not be replayed, as they came without their value:
    /// the topic they came from may still have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_value: Vec<i64>,
    /// Letters that are still open.
    pub open: usize,
}

/// Replays or discards the letters that are meant, in their order.
///
/// A replayed letter goes to its topic with the key, the value and the headers it had there, for
/// every consumer of it; those that have handled it know it by its id. It may be replayed twice if
/// this is interrupted.
///
/// # Errors
/// [`DlqError`]; what was done so far stays done.
pub async fn resolve(
    kafka: &Kafka,
    topic: &str,
    pick: &Pick,
    resolution: Resolution,
) -> Result<Resolved, DlqError> {
    let topic = plain(topic).to_owned();
    let dlq = topics::dlq_of(&topic);
    let failed = |error| DlqError::Kafka {
        topic: dlq.clone(),
        error,
    };
    let producer = kafka.producer(SEND_TIMEOUT).map_err(failed)?;
    let mut reading = {
        let (kafka, topic) = (kafka.clone(), topic.clone());
        blocking(move || Reading::new(&kafka, &topic)).await?
    };
    let (mut offsets, mut without_value) = (Vec::new(), Vec::new());
    // Letters that come from here on are behind it.
    let mut range = reading.meant(pick);
    while !range.is_empty() {
        let (pick, from) = (pick.clone(), range.clone());
        let page = blocking(move || {
            let page = reading.page(from, |letter| pick.means(letter))?;
            Ok((reading, page))
        });
        let (read, (letters, next)) = page.await?;
        (reading, range.start) = (read, next);
        for letter in letters {
            if resolution == Resolution::Replayed {
                if !letter.has_value() {
                    without_value.push(letter.offset);
                    continue;
                }
                replay(&producer, &letter).await.map_err(failed)?;
            }
            note(&producer, &dlq, letter.offset, resolution)
                .await
                .map_err(failed)?;
            reading.tally.open.remove(&letter.offset);
            offsets.push(letter.offset);
        }
    }
    if let Err(error) = trim(kafka, &dlq, &reading).await {
        tracing::warn!(%error, dlq, "resolved dead letters were not deleted");
    }
    Ok(Resolved {
        open: reading.tally.open.len(),
        topic,
        resolution,
        offsets,
        without_value,
    })
}

async fn replay(producer: &Producer, letter: &Letter) -> Result<(), KafkaError> {
    let record = &letter.record;
    // A key finds its partition; without one it goes to where it was.
    let partition = match record.key {
        Some(_) => None,
        None => letter.source_partition,
    };
    send(
        producer,
        &letter.topic,
        partition,
        record.key.as_deref(),
        record.value.as_deref(),
        record.headers_without(PREFIX),
    )
    .await
}

async fn note(
    producer: &Producer,
    dlq: &str,
    offset: i64,
    resolution: Resolution,
) -> Result<(), KafkaError> {
    let headers = OwnedHeaders::new()
        .insert(Header {
            key: NOTE_OFFSET,
            value: Some(&offset.to_string()),
        })
        .insert(Header {
            key: NOTE_RESOLUTION,
            value: Some(resolution.name()),
        });
    send(producer, dlq, Some(0), None, None, headers).await
}

/// Deletes what stands before the first open letter, as far as was read.
async fn trim(kafka: &Kafka, dlq: &str, read: &Reading) -> Result<(), KafkaError> {
    let first = read.tally.open.first().copied();
    let end = first.unwrap_or(read.ends.end);
    if end <= read.ends.start {
        return Ok(());
    }
    let admin: AdminClient<Context> = kafka.config(&[]).create_with_context(kafka.context())?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(dlq, 0, Offset::Offset(end))?;
    let options = AdminOptions::new().operation_timeout(Some(SEND_TIMEOUT));
    let answer = admin.delete_records(&list, &options).await?;
    for element in answer.elements() {
        element.error()?;
    }
    Ok(())
}
