//! Topics are made as somebody decided, however late Kafka comes.

use std::{collections::HashMap, time::Duration};

use contracts::EventType;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
};
use service_kit::{
    kafka::Kafka,
    topics::{self, TopicSettings},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{PATIENCE, broker, client};

const TYPES: [EventType; 2] = [EventType::UserRegistered, EventType::UserLocked];

const SETTINGS: TopicSettings = TopicSettings {
    partitions: 3,
    replication: 1,
    retention: Duration::from_secs(3600),
    dlq_retention: Duration::from_secs(7200),
};

/// Partitions of every topic.
fn partitions(brokers: &str) -> HashMap<String, usize> {
    let asking: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let metadata = asking.fetch_metadata(None, PATIENCE).unwrap();
    let topics = metadata.topics().iter();
    topics
        .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
        .collect()
}

/// How long a topic keeps what is on it.
async fn retention_ms(brokers: &str, topic: &str) -> String {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let asked = [ResourceSpecifier::Topic(topic)];
    let answers = admin.describe_configs(&asked, &AdminOptions::new()).await;
    let answer = answers.unwrap().remove(0).unwrap();
    let retention = answer.get("retention.ms").unwrap();
    retention.value.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_as_told_as_soon_as_kafka_is_there() {
    let broker = broker();
    broker.kill9().unwrap();
    let (kafka, stop) = (client(&broker), CancellationToken::new());
    let making = tokio::spawn({
        let (kafka, stop) = (kafka.clone(), stop.clone());
        async move { topics::create_all(&kafka, TYPES, SETTINGS, &stop).await }
    });
    broker.start_again().unwrap();
    timeout(PATIENCE, making).await.unwrap().unwrap();

    let found = partitions(&broker.bootstrap());
    for event_type in TYPES {
        let topic = event_type.topic();
        let dlq = topics::dlq_of(topic);
        assert_eq!((found[topic], found[&dlq]), (3, 1));
        assert_eq!(retention_ms(&broker.bootstrap(), topic).await, "3600000");
        assert_eq!(retention_ms(&broker.bootstrap(), &dlq).await, "7200000");
    }
    // Those that are there stay as they are.
    topics::create_all(&kafka, TYPES, TopicSettings::default(), &stop).await;
    assert_eq!(partitions(&broker.bootstrap())["user.locked"], 3);
}

#[tokio::test]
async fn who_is_told_to_stop_waits_for_no_kafka() {
    let nowhere = Kafka::new("127.0.0.1:1", "test");
    let stop = CancellationToken::new();
    let making = topics::create_all(&nowhere, TYPES, SETTINGS, &stop);
    let told = async { stop.cancel() };
    let both = async { tokio::join!(making, told) };
    timeout(PATIENCE, both).await.unwrap();
}
