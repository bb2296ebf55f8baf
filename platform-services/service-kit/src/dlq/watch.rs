//! How many dead letters are open, as a metric.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio_util::sync::CancellationToken;

use super::{
    letters::{DlqError, blocking, plain},
    scan::{Scan, Tally},
};
use crate::kafka::Kafka;

/// How often it is looked whether there are new ones.
const PERIOD: Duration = Duration::from_secs(15);

/// How long a look may take. What it did not come to counts as letters until the next one.
const LOOK_LONGEST: Duration = Duration::from_secs(5);

/// Bytes of values that pass by at a look, and are not kept.
const LOOK_BYTES_MAX: usize = 256 << 20;

/// Letters that are told from notes; what comes behind them counts as letters.
const OPEN_MAX: usize = 100_000;

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
    let mut tallies: HashMap<&String, Tally> = HashMap::new();
    loop {
        for topic in &topics {
            let tally = tallies.remove(topic).unwrap_or_default();
            let (asked, name) = (kafka.clone(), plain(topic).to_owned());
            match blocking(move || count(&asked, &name, tally)).await {
                Ok((tally, open)) => {
                    let label = TopicLabel {
                        topic: topic.clone(),
                    };
                    metrics.open.get_or_create(&label).set(open);
                    tallies.insert(topic, tally);
                }
                // It is counted from the start again.
                Err(error) => tracing::debug!(%error, topic, "counting dead letters"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// How many letters are open: only what came since the last look is read, and none of it kept.
fn count(kafka: &Kafka, topic: &str, mut tally: Tally) -> Result<(Tally, i64), DlqError> {
    let scan = Scan::new(kafka, topic)?;
    let ends = scan.ends()?;
    let (begun, mut bytes) = (Instant::now(), 0_usize);
    tally.go_on(&scan, &ends, |open, value_bytes| {
        bytes = bytes.saturating_add(value_bytes);
        if open >= OPEN_MAX || bytes >= LOOK_BYTES_MAX || begun.elapsed() >= LOOK_LONGEST {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    // Only the command shows them.
    tally.resolved.clear();
    let open = i64::try_from(tally.open.len()).unwrap_or(i64::MAX);
    let not_seen = ends.end.saturating_sub(tally.next).max(0);
    Ok((tally, open.saturating_add(not_seen)))
}
