//! A batch onto Kafka: many keys at once, each key one after the other.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use contracts::{CONTENT_TYPE, header};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureRecord, Producer as _},
};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    metrics::{RelayMetrics, TopicLabel},
    rows::Row,
};
use crate::{
    kafka::{self, Producer},
    telemetry,
};

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Ids of rows that Kafka acknowledged.
    pub(super) delivered: Vec<u64>,
    /// Why others were not, and how often.
    pub(super) failures: BTreeMap<String, u64>,
    /// Topics of these.
    pub(super) failed_topics: BTreeSet<String>,
}

/// Sends the rows. A row goes out when the one before it of the same topic and key was
/// acknowledged, and none after `send_until`. A key whose row fails is left for the next batch.
pub(super) async fn publish(
    producer: &Producer,
    batch: Vec<Row>,
    send_until: Instant,
    metrics: &RelayMetrics,
) -> Published {
    let read = Instant::now();
    let mut keys: HashMap<(String, String), Vec<Row>> = HashMap::with_capacity(batch.len());
    for row in batch {
        keys.entry((row.topic.clone(), row.key.clone()))
            .or_default()
            .push(row);
    }
    let mut sending: FuturesUnordered<_> = keys
        .into_iter()
        .map(|((topic, _), rows)| async move {
            let mut delivered = Vec::with_capacity(rows.len());
            let mut failure = None;
            for row in &rows {
                if Instant::now() >= send_until {
                    break;
                }
                let span = telemetry::step_span("publish", &row.topic, row.traceparent.as_deref());
                if let Err(error) = send(producer, row).instrument(span).await {
                    failure = Some(error);
                    break;
                }
                let age = Duration::from_micros(u64::try_from(row.age_us).unwrap_or(0));
                metrics.delay.observe((age + read.elapsed()).as_secs_f64());
                delivered.push(row.id);
            }
            (TopicLabel { topic }, delivered, failure)
        })
        .collect();
    let mut published = Published::default();
    while let Some((topic, delivered, failure)) = sending.next().await {
        let count = u64::try_from(delivered.len()).unwrap_or(u64::MAX);
        if count > 0 {
            metrics.published.get_or_create(&topic).inc_by(count);
        }
        published.delivered.extend(delivered);
        if let Some(error) = failure {
            metrics.failed.get_or_create(&topic).inc();
            let text = format!("{}: {error}", topic.topic);
            published.failed_topics.insert(topic.topic);
            *published.failures.entry(text).or_default() += 1;
        }
    }
    published.delivered.sort_unstable();
    published
}

/// Whether Kafka has the topic; the producer learns it, too, and forgets what it knew before. `true`
/// where Kafka does not say. Blocks.
pub(super) fn has_topic(producer: &Producer, topic: &str, timeout: Duration) -> bool {
    match producer.client().fetch_metadata(Some(topic), timeout) {
        Ok(metadata) => metadata.topics().iter().all(|topic| {
            topic
                .error()
                .is_none_or(|error| !kafka::is_unknown_topic(error.into()))
        }),
        Err(error) => {
            tracing::debug!(%error, topic, "asking for a topic");
            true
        }
    }
}

async fn send(producer: &Producer, row: &Row) -> Result<(), KafkaError> {
    let mut headers = OwnedHeaders::new_with_capacity(4)
        .insert(text(header::ID, &row.event_id))
        .insert(text(header::CE_TYPE, &row.event_type))
        .insert(text(header::CONTENT_TYPE, CONTENT_TYPE));
    if let Some(traceparent) = &row.traceparent {
        headers = headers.insert(text(header::TRACEPARENT, traceparent));
    }
    let record = FutureRecord::to(&row.topic)
        .key(row.key.as_bytes())
        .payload(row.payload.as_bytes())
        .headers(headers);
    let delivery = producer.send_result(record).map_err(|(error, _)| error)?;
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(error),
        // The producer went away with it.
        Err(_) => Err(KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue)),
    }
}

fn text<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header {
        key,
        value: Some(value),
    }
}
