//! Everything that the service says on Kafka, held against the contract.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::{EventType, RawEnvelope};
use devstack::wait;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};
use serde_json::Value;

use super::PATIENCE;

const TYPES: [EventType; 4] = [
    EventType::PaymentCreated,
    EventType::PaymentCompleted,
    EventType::PaymentFailed,
    EventType::PaymentCancelled,
];

/// Events, each once, in the order of their topics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Value>>>);

impl Heard {
    /// Listens from the beginning.
    pub(crate) fn start(brokers: &str) -> Self {
        let heard = Self::default();
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let all = heard.clone();
        std::thread::spawn(move || all.listen(&consumer));
        heard
    }

    fn listen(&self, consumer: &BaseConsumer) {
        let mut list = TopicPartitionList::new();
        for event_type in TYPES {
            let mut partitions = 0;
            wait::until(PATIENCE, "the service makes its topics", || {
                let metadata = consumer
                    .fetch_metadata(None, Duration::from_secs(10))
                    .unwrap();
                let mut topics = metadata.topics().iter();
                let topic = topics.find(|topic| topic.name() == event_type.topic());
                partitions = topic.map_or(0, |topic| topic.partitions().len());
                partitions > 0
            })
            .unwrap();
            for partition in 0..i32::try_from(partitions).unwrap() {
                list.add_partition_offset(event_type.topic(), partition, Offset::Beginning)
                    .unwrap();
            }
        }
        consumer.assign(&list).unwrap();
        loop {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else {
                continue;
            };
            let payload = message.payload().unwrap();
            let event: Value = serde_json::from_slice(payload).unwrap();
            RawEnvelope::decode(payload).unwrap().decode_any().unwrap();
            let key = message.key().unwrap();
            assert_eq!(key, event["data"]["orderId"].as_str().unwrap().as_bytes());
            let mut all = self.0.lock().unwrap();
            if all.iter().all(|before| before["id"] != event["id"]) {
                all.push(event);
            }
        }
    }

    /// What was said about an order, of one type.
    pub(crate) fn of(&self, order_id: &str, event_type: EventType) -> Vec<Value> {
        let all = self.0.lock().unwrap();
        let theirs = all.iter().filter(|event| {
            event["data"]["orderId"] == order_id && event["type"] == event_type.name()
        });
        theirs.cloned().collect()
    }

    /// Waits for so many, no more and no less, and checks them.
    #[track_caller]
    pub(crate) fn wait(&self, order_id: &str, event_type: EventType, count: usize) -> Vec<Value> {
        wait::until(
            PATIENCE,
            format!("{count} {event_type} of {order_id}"),
            || self.of(order_id, event_type).len() >= count,
        )
        .unwrap();
        let events = self.of(order_id, event_type);
        assert_eq!(events.len(), count, "{events:#?}");
        for event in &events {
            assert_eq!(event["correlationid"], order_id);
            assert!(event["causationid"].is_string(), "{event:#}");
            let schema: Value = serde_json::from_str(event_type.schema()).unwrap();
            let found: Vec<String> = jsonschema::options()
                .build(&schema)
                .unwrap()
                .iter_errors(&event["data"])
                .map(|error| error.to_string())
                .collect();
            assert!(found.is_empty(), "{found:?} in {event:#}");
        }
        events
    }
}
