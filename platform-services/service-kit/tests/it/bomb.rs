//! Batches that a broker takes, as they are small when they are packed, and that no consumer can unpack.

use rdkafka::{
    message::OwnedHeaders,
    producer::{FutureRecord, Producer as _},
};
use service_kit::{
    dlq::{self, Pick, Resolution},
    kafka::Kafka,
};

use crate::{
    consumer::{Running, Writer, until_handled},
    poison::letters,
    support::{
        self,
        events::{locked, producer, send, send_raw, topic},
        until,
    },
};

const MIB: usize = 1 << 20;

/// Packs as well as it can, what comes within so many milliseconds together.
fn packing(kafka: &Kafka, linger_ms: &str) -> Kafka {
    kafka
        .clone()
        .set("compression.type", "zstd")
        .set("message.max.bytes", "1000000000")
        .set("batch.size", "1000000000")
        .set("linger.ms", linger_ms)
}

/// One batch of so many messages.
async fn put_bomb(kafka: &Kafka, topic: &str, partition: i32, messages: usize, bytes: usize) {
    // Until it is told to send them, however long it takes to hand them over.
    let producer = producer(&packing(kafka, "60000"));
    let value = vec![0; bytes];
    let mut sent = Vec::new();
    for _ in 0..messages {
        let record = FutureRecord::<[u8], [u8]>::to(topic);
        let record = record.partition(partition).payload(&value);
        let queued = producer.send_result(record).map_err(|(error, _)| error);
        sent.push(queued.unwrap());
    }
    tokio::task::block_in_place(|| producer.flush(support::PATIENCE)).unwrap();
    for delivery in sent {
        delivery.await.unwrap().unwrap();
    }
}

async fn put_good(kafka: &Kafka, topic: &str, partition: i32) {
    let value = locked("u").encode().unwrap();
    let headers = OwnedHeaders::new();
    let producer = producer(kafka);
    send_raw(
        &producer,
        topic,
        partition,
        Some(b"u"),
        Some(&value),
        headers,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_becomes_too_large_is_set_aside_and_the_next_is_handled() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let topic = topic(&kafka, 1).await;
    put_good(&kafka, &topic, 0).await;
    put_bomb(&kafka, &topic, 0, 1, 300 * MIB).await;
    let packing = packing(&kafka, "5");
    send(&producer(&packing), &topic, &[locked("packed")]).await;
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    until_handled(&pool, 2).await;
    let found = letters(&kafka, &topic, 1).await;
    let metrics = consumer.stop().await;
    assert_eq!(found.len(), 1, "{found:?}");
    let letter = &found[0];
    assert_eq!(letter.reason, "UNREADABLE");
    assert!(letter.error.contains("too large"), "{}", letter.error);
    assert_eq!(
        (letter.source_partition, letter.source_offset),
        (Some(0), Some(1))
    );
    assert_eq!((&letter.key, &letter.value), (&None, &None));
    let line = format!("consumer_dead_letters_total{{topic=\"{topic}\",reason=\"UNREADABLE\"}} 1");
    assert!(metrics.contains(&line), "{metrics}");
    // There is nothing to replay; discarded it can be.
    let all = Pick::default();
    let replayed = dlq::resolve(&kafka, &topic, &all, Resolution::Replayed).await;
    let replayed = replayed.unwrap();
    assert_eq!(
        (replayed.offsets, replayed.without_value),
        (vec![], vec![0])
    );
    let discarded = dlq::resolve(&kafka, &topic, &all, Resolution::Discarded).await;
    assert_eq!(discarded.unwrap().open, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_of_a_batch_is_named_and_none_between_two_batches_is_passed() {
    let kafka = support::kafka();
    // The same with less memory.
    let small = kafka
        .clone()
        .set("receive.message.max.bytes", "16777216")
        .set("fetch.max.bytes", "1000000");
    let (_, pool) = support::database().await;
    let topic = topic(&kafka, 2).await;
    put_good(&kafka, &topic, 0).await;
    put_bomb(&kafka, &topic, 0, 2, 12 * MIB).await;
    put_good(&kafka, &topic, 0).await;
    put_bomb(&kafka, &topic, 0, 2, 12 * MIB).await;
    // Of the other nothing was ever read.
    put_bomb(&kafka, &topic, 1, 3, 12 * MIB).await;
    put_good(&kafka, &topic, 1).await;
    let start = || Running::start(small.clone(), &pool, &topic, Writer::default());
    let consumer = start();
    until_handled(&pool, 3).await;
    let found = letters(&kafka, &topic, 7).await;
    // It stands at the end, and is served there.
    put_good(&kafka, &topic, 0).await;
    until_handled(&pool, 4).await;
    let metrics = consumer.stop().await;
    let mut places: Vec<_> = found
        .iter()
        .map(|letter| (letter.source_partition, letter.source_offset))
        .collect();
    places.sort_unstable();
    let expected = [(0, 1), (0, 2), (0, 4), (0, 5), (1, 0), (1, 1), (1, 2)];
    assert_eq!(places, expected.map(|(p, o)| (Some(p), Some(o))));
    assert!(found.iter().all(|letter| letter.reason == "UNREADABLE"));
    for line in ["consumer_handled_total{topic=\"", "consumer_errors_total "] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // What was passed stays passed.
    put_good(&kafka, &topic, 1).await;
    let again = start();
    until_handled(&pool, 5).await;
    until("nothing waits", || async {
        !again.metrics().contains("consumer_paused_partitions 1")
    })
    .await;
    again.stop().await;
    assert_eq!(letters(&kafka, &topic, 7).await.len(), 7);
}
