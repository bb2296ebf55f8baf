//! A plain consumer of `inventory.reserved`, as anybody would write one.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message,
    consumer::{Consumer, StreamConsumer},
};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::Asked;

const TOPIC: &str = "inventory.reserved";

/// When each was asked for, and how long its event took.
type Arrived = Vec<(Instant, Duration)>;

/// Reads from now on until `all` have come, each at least once.
///
/// # Errors
/// Kafka does not let it.
pub(crate) async fn start(
    brokers: &str,
    asked: Asked,
    all: usize,
    patience: Duration,
) -> Result<JoinHandle<Result<Arrived, String>>, String> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "load-events")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .create()
        .map_err(|error| error.to_string())?;
    consumer
        .subscribe(&[TOPIC])
        .map_err(|error| error.to_string())?;
    // The group's first assignment takes seconds that are not the events'.
    let until = Instant::now() + patience;
    while consumer.assignment().is_ok_and(|list| list.count() == 0) {
        if Instant::now() > until {
            return Err(format!("no partition of {TOPIC} was assigned"));
        }
        // Serves the group while there is nothing to read.
        drop(tokio::time::timeout(Duration::from_millis(50), consumer.recv()).await);
    }
    Ok(tokio::spawn(async move {
        let mut arrived = Arrived::new();
        while arrived.len() < all {
            let next = tokio::time::timeout(patience, consumer.recv()).await;
            let message = next
                .map_err(|_| format!("{} of {all} events came", arrived.len()))?
                .map_err(|error| error.to_string())?;
            let now = Instant::now();
            let event: Value = serde_json::from_slice(message.payload().unwrap_or_default())
                .map_err(|error| error.to_string())?;
            let id = event["data"]["reservationId"].as_str().unwrap_or_default();
            let asked = asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(id);
            // None: a repeat.
            arrived.extend(asked.map(|asked| (asked, now.saturating_duration_since(asked))));
        }
        Ok(arrived)
    }))
}
