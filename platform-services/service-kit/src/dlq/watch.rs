//! How many dead letters are open, as a metric.

use std::{collections::HashMap, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio_util::sync::CancellationToken;

use super::letters;
use crate::{kafka::Kafka, topics};

/// How often it is looked whether there are new ones.
const PERIOD: Duration = Duration::from_secs(15);

/// Up to so many messages the topic is read to tell letters from notes; beyond it all are counted.
const COUNTED_MAX: i64 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TopicLabel {
    topic: String,
}

/// The size of dead letter topics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DlqMetrics {
    open: Family<TopicLabel, Gauge>,
}

impl DlqMetrics {
    /// Adds them to the service's.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            open: Family::default(),
        };
        registry.register(
            "dlq_letters",
            "Dead letters that are neither replayed nor discarded, by the topic they came from",
            metrics.open.clone(),
        );
        metrics
    }
}

/// Keeps the metric up to date until `stop`.
pub async fn watch(
    kafka: Kafka,
    topics: Vec<String>,
    metrics: DlqMetrics,
    stop: CancellationToken,
) {
    let mut seen = HashMap::new();
    loop {
        for topic in &topics {
            match count(&kafka, topic, seen.get(topic)).await {
                Ok((ends, Some(open))) => {
                    let label = TopicLabel {
                        topic: topic.clone(),
                    };
                    metrics.open.get_or_create(&label).set(open);
                    seen.insert(topic.clone(), ends);
                }
                Ok((_, None)) => {}
                Err(error) => tracing::debug!(%error, topic, "counting dead letters"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// The ends of the topic, and how many letters are open, unless the ends are as they were.
async fn count(
    kafka: &Kafka,
    topic: &str,
    before: Option<&(i64, i64)>,
) -> Result<((i64, i64), Option<i64>), letters::DlqError> {
    let dlq = topics::dlq_of(topic);
    let asked = kafka.clone();
    let ends = tokio::task::spawn_blocking(move || {
        let observer = letters::observer(&asked).map_err(|error| letters::DlqError::Kafka {
            topic: dlq.clone(),
            error,
        })?;
        letters::ends(&observer, &dlq)
    })
    .await
    .map_err(|_| letters::DlqError::Cancelled)??;
    let (low, high) = ends;
    if before == Some(&ends) {
        return Ok((ends, None));
    }
    if high - low > COUNTED_MAX {
        return Ok((ends, Some(high - low)));
    }
    let open = letters::read(kafka, topic).await?.open();
    Ok((ends, Some(i64::try_from(open).unwrap_or(i64::MAX))))
}
