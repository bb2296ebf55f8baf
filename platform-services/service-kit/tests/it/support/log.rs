//! Everything that is on a topic.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use contracts::{Envelope, user::Locked};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::{Headers as _, OwnedMessage},
};

use super::PATIENCE;

/// Reads a topic from its beginning until `last` says of a message that no more is needed.
pub(crate) fn read_until(
    brokers: &str,
    topic: &str,
    mut last: impl FnMut(&OwnedMessage) -> bool,
) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", super::unique("reader"))
        .set("enable.auto.commit", "false")
        .set("fetch.message.max.bytes", "20000000")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut messages = Vec::new();
    let begun = Instant::now();
    loop {
        assert!(
            begun.elapsed() < PATIENCE,
            "only {} messages",
            messages.len()
        );
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            messages.push(message.detach());
            if messages.last().is_some_and(&mut last) {
                return messages;
            }
        }
    }
}

/// Reads a topic until so many different events were on it.
pub(crate) fn read_events(brokers: &str, topic: &str, events: usize) -> Vec<OwnedMessage> {
    let mut ids = HashSet::new();
    read_until(brokers, topic, |message| {
        ids.insert(event(message).id);
        ids.len() == events
    })
}

pub(crate) fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let headers = message.headers()?;
    let found = headers.iter().find(|header| header.key == name)?;
    Some(String::from_utf8(found.value?.to_vec()).unwrap())
}

pub(crate) fn event(message: &OwnedMessage) -> Envelope<Locked> {
    Envelope::decode(message.payload().unwrap()).unwrap()
}

pub(crate) fn key(message: &OwnedMessage) -> String {
    String::from_utf8(message.key().unwrap().to_vec()).unwrap()
}
