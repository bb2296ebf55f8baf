//! Events to send and the numbers they carry.

use std::time::Duration;

use contracts::{Envelope, EventData as _, Timestamp, user::Locked};
use rdkafka::{message::OwnedHeaders, producer::FutureRecord};
use service_kit::{
    ids,
    kafka::{Kafka, Producer},
    topics::{self, TopicSettings},
};

/// An event about a user, with an id of its own.
pub(crate) fn locked(user: &str) -> Envelope<Locked> {
    numbered(ids::uuid(), user)
}

/// An event with a given id.
pub(crate) fn numbered(id: impl Into<String>, user: &str) -> Envelope<Locked> {
    let data = Locked {
        user_id: user.to_owned(),
        email: None,
    };
    let time = Timestamp::from_unix_ms(1_795_410_000_000).unwrap();
    Envelope::new(id.into(), time, data)
}

/// Makes a topic with a name that nothing else has.
pub(crate) async fn topic(kafka: &Kafka, partitions: i32) -> String {
    let name = super::unique("topic");
    let settings = TopicSettings {
        partitions,
        ..TopicSettings::default()
    };
    topics::create_named(kafka, &[&name], settings)
        .await
        .unwrap();
    name
}

pub(crate) fn producer(kafka: &Kafka) -> Producer {
    kafka.producer(Duration::from_secs(120)).unwrap()
}

/// Sends events, each with its key, and waits until they are there.
pub(crate) async fn send(producer: &Producer, topic: &str, events: &[Envelope<Locked>]) {
    let mut sent = Vec::new();
    for event in events {
        let (key, value) = (event.data.key(), event.encode().unwrap());
        let record = FutureRecord::to(topic).key(&key).payload(&value);
        sent.push(
            producer
                .send_result(record)
                .map_err(|(error, _)| error)
                .unwrap(),
        );
    }
    for delivery in sent {
        delivery.await.unwrap().unwrap();
    }
}

/// Sends bytes as they are, to one partition.
pub(crate) async fn send_raw(
    producer: &Producer,
    topic: &str,
    partition: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: OwnedHeaders,
) {
    let mut record = FutureRecord::<[u8], [u8]>::to(topic)
        .partition(partition)
        .headers(headers);
    if let Some(key) = key {
        record = record.key(key);
    }
    if let Some(value) = value {
        record = record.payload(value);
    }
    let sent = producer
        .send_result(record)
        .map_err(|(error, _)| error)
        .unwrap();
    sent.await.unwrap().unwrap();
}
