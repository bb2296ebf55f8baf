//! Events of others to the service, and its own on Kafka.

use std::{
    sync::{LazyLock, Mutex},
    thread,
    time::{Duration, Instant},
};

use contracts::{Envelope, EventData, EventType, Timestamp};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    producer::FutureRecord,
};
use serde_json::{Value, json};
use service_kit::{
    ids,
    kafka::{Kafka, Producer},
    topics::{self, TopicSettings},
};

use super::{PATIENCE, RUNTIME, brokers, text, unique, until};

static PRODUCER: LazyLock<Producer> = LazyLock::new(|| {
    let kafka = Kafka::new(brokers(), "test");
    RUNTIME.block_on(async {
        topics::create(
            &kafka,
            EventType::ALL.iter().copied(),
            TopicSettings::default(),
        )
        .await
        .unwrap();
        kafka.producer(Duration::from_secs(60)).unwrap()
    })
});

/// An event with an id of its own.
pub(crate) fn envelope<T: EventData>(data: T) -> Envelope<T> {
    let time = Timestamp::from_unix_ms(service_kit::clock::unix_ms()).unwrap();
    Envelope::new(ids::uuid(), time, data)
}

/// Data of an event from JSON.
pub(crate) fn data<T: EventData>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn publish<T: EventData>(event: &Envelope<T>) {
    let (key, value) = (event.data.key(), event.encode().unwrap());
    publish_raw(T::TYPE, &key, &value);
}

pub(crate) fn publish_raw(topic: &str, key: &str, value: &[u8]) {
    let producer = &*PRODUCER;
    RUNTIME.block_on(async {
        let record = FutureRecord::to(topic).key(key).payload(value);
        let sent = producer.send_result(record).map_err(|(error, _)| error);
        sent.unwrap().await.unwrap().unwrap();
    });
}

/// Everything that the services under test have sent, in the order of arrival.
static SENT: LazyLock<&'static Mutex<Vec<Value>>> = LazyLock::new(|| {
    let sent: &'static Mutex<Vec<Value>> = Box::leak(Box::default());
    LazyLock::force(&PRODUCER);
    let consumer = reader(&[
        "order.placed",
        "order.confirmed",
        "order.cancelled",
        "order.refund.requested",
    ]);
    thread::spawn(move || {
        loop {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                let event = serde_json::from_slice(message.payload().unwrap()).unwrap();
                sent.lock().unwrap().push(event);
            }
        }
    });
    sent
});

fn reader(topics: &[&str]) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers())
        .set("group.id", unique("reader"))
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        for partition in metadata.topics()[0].partitions() {
            list.add_partition_offset(topic, partition.id(), Offset::Beginning)
                .unwrap();
        }
    }
    consumer.assign(&list).unwrap();
    consumer
}

/// What the service has sent about an order.
pub(crate) struct Sent;

impl Sent {
    /// All events of a type about the order, so far, each id once.
    pub(crate) fn so_far(event_type: &str, order_id: &str) -> Vec<Value> {
        let all = SENT.lock().unwrap();
        let mut found: Vec<Value> = Vec::new();
        for event in all.iter() {
            let ours = event["type"] == event_type && event["data"]["orderId"] == order_id;
            if ours && !found.iter().any(|known| known["id"] == event["id"]) {
                found.push(event.clone());
            }
        }
        found
    }

    /// Waits for so many events of a type about the order.
    #[track_caller]
    pub(crate) fn at_least(count: usize, event_type: &str, order_id: &str) -> Vec<Value> {
        let mut found = Vec::new();
        until(&format!("{count} {event_type} of {order_id}"), || {
            found = Self::so_far(event_type, order_id);
            found.len() >= count
        });
        for event in &found {
            assert_eq!(event["correlationid"], order_id);
            assert_eq!(event["source"], "/services/order");
            assert_ne!(text(event, "causationid"), "");
            let parsed = EventType::parse(event_type).unwrap().unwrap();
            let schema = serde_json::from_str(parsed.schema()).unwrap();
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            if let Err(error) = validator.validate(&event["data"]) {
                panic!("{error}: {event}");
            }
        }
        found
    }

    /// Waits for the one event of a type about the order.
    #[track_caller]
    pub(crate) fn one(event_type: &str, order_id: &str) -> Value {
        let mut found = Self::at_least(1, event_type, order_id);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

/// Waits for a dead letter with this key; its reason.
pub(crate) fn read_dead_letter(topic: &str, key: &str) -> Value {
    use rdkafka::message::Headers as _;
    let consumer = reader(&[&format!("{topic}.dlq")]);
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "no dead letter {key}");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        if message.key() != Some(key.as_bytes()) {
            continue;
        }
        let headers = message.headers().unwrap();
        let text = |name: &str| {
            let header = headers.iter().find(|header| header.key == name)?;
            String::from_utf8(header.value?.to_vec()).ok()
        };
        return json!({"reason": text("dlq_reason"), "consumer": text("dlq_consumer")});
    }
}
