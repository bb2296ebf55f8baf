//! Consumers that come and go under load.

use std::{sync::atomic::Ordering, time::Duration};

use service_kit::consumer::{ConsumerSettings, SESSION_SECONDS};

use crate::{
    consumer::{HANDLED, Running, Writer, settings, until_handled},
    support::{
        self, count,
        events::{numbered, producer, send, topic},
        until,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_come_and_go_and_each_event_has_one_effect() {
    const EVENTS: u32 = 4000;
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 6).await, producer(&kafka));
    let all: Vec<_> = (0..EVENTS)
        .map(|n| numbered(format!("{n:06}"), &format!("u-{}", n % 50)))
        .collect();
    let writer = Writer {
        takes: Duration::from_millis(2),
        ..Writer::default()
    };
    let start = || Running::start(kafka.clone(), &pool, &topic, writer.clone());
    let sending = async {
        for chunk in all.chunks(100) {
            send(&producer, &topic, chunk).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let moving = async {
        let reached = |events| until_handled(&pool, events);
        let one = start();
        reached(300).await;
        let two = start();
        reached(900).await;
        let three = start();
        reached(1500).await;
        one.stop().await;
        reached(2100).await;
        let four = start();
        reached(2700).await;
        two.stop().await;
        three.stop().await;
        reached(i64::from(EVENTS)).await;
        four.stop().await;
    };
    tokio::join!(sending, moving);
    assert_eq!(count(&pool, HANDLED).await, i64::from(EVENTS));
    // In order for each key: seq is given out in the transaction, one at a time for a partition.
    let users: Vec<(String, String)> =
        sqlx::query_as("SELECT user_id, event_id FROM handled ORDER BY user_id, seq")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert!(users.is_sorted(), "an event overtook another of its key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_may_be_as_short_and_as_long_as_can_be_told() {
    let kafka = support::kafka();
    for seconds in [*SESSION_SECONDS.start(), *SESSION_SECONDS.end()] {
        let (_, pool) = support::database().await;
        let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
        send(&producer, &topic, &[numbered("1", "u")]).await;
        let settings = ConsumerSettings {
            session_timeout: Duration::from_secs(seconds),
            ..settings(&topic)
        };
        let consumer = Running::with(kafka.clone(), &pool, settings, Writer::default());
        until_handled(&pool, 1).await;
        consumer.stop().await;
    }
}

/// librdkafka keeps a pause of ours over a rebalance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_went_while_it_was_paused_is_served_when_it_comes_back() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 2).await, producer(&kafka));
    let all: Vec<_> = (0..20)
        .map(|n| numbered(format!("{n:02}"), &format!("transient-{n}")))
        .collect();
    send(&producer, &topic, &all).await;
    let writer = Writer::default();
    writer.failing.store(true, Ordering::Relaxed);
    let start = || Running::start(kafka.clone(), &pool, &topic, writer.clone());
    let paused = |consumer: &Running, partitions: u32| {
        let line = format!("consumer_paused_partitions {partitions}\n");
        let text = consumer.metrics();
        async move { text.contains(&line) }
    };
    let one = start();
    until("both wait", || paused(&one, 2)).await;
    let two = start();
    until("each has one", || async {
        paused(&one, 1).await && paused(&two, 1).await
    })
    .await;
    two.stop().await;
    until("both are back and wait", || paused(&one, 2)).await;
    writer.failing.store(false, Ordering::Relaxed);
    until_handled(&pool, 20).await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_and_comes_back_is_waited_for() {
    let server = support::broker();
    let kafka = support::client(&server);
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 3).await, producer(&kafka));
    let events = |from: u32, to: u32| -> Vec<_> {
        (from..to)
            .map(|n| numbered(format!("{n:06}"), &format!("u-{}", n % 20)))
            .collect()
    };
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    send(&producer, &topic, &events(0, 300)).await;
    until_handled(&pool, 100).await;
    server.kill9().unwrap();
    let outage = async {
        // Longer than the group's session.
        tokio::time::sleep(support::OUTAGE).await;
        tokio::task::block_in_place(|| server.start_again()).unwrap();
    };
    let later = events(300, 600);
    tokio::join!(send(&producer, &topic, &later), outage);
    until("all is handled", || async {
        count(&pool, HANDLED).await == 600
    })
    .await;
    consumer.stop().await;
    let users: Vec<(String, String)> =
        sqlx::query_as("SELECT user_id, event_id FROM handled ORDER BY user_id, seq")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert!(users.is_sorted(), "an event overtook another of its key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_broker_that_is_away() {
    let server = support::broker();
    let kafka = support::client(&server);
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    send(&producer, &topic, &[numbered("1", "u")]).await;
    until_handled(&pool, 1).await;
    server.kill9().unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(30), consumer.stop());
    stopped.await.unwrap();
}
