//! The order of a key with three relay processes while they are stopped and killed.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rdkafka::message::OwnedMessage;
use service_kit::outbox::OutboxRow;

use crate::{
    child,
    relay::{TOPIC, insert, make_topic, until_empty},
    support::{self, events::numbered, log, until},
};

/// Every event's first occurrence comes after those of all events of its key with smaller ids. How
/// many occurrences were repeats, and how many of these came after newer events of their key.
pub(crate) fn assert_in_order(messages: &[OwnedMessage]) -> (usize, usize) {
    let mut last: HashMap<String, String> = HashMap::new();
    let mut seen = HashSet::new();
    let (mut repeats, mut late) = (0, 0);
    for message in messages {
        let (key, id) = (log::key(message), log::event(message).id);
        let newest = last.entry(key.clone()).or_default();
        if seen.insert(id.clone()) {
            assert!(*newest < id, "{id} of {key} after {newest}");
            *newest = id;
        } else {
            repeats += 1;
            late += usize::from(id < *newest);
        }
    }
    (repeats, late)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_stay_in_order_while_relays_are_stopped_and_killed() {
    const KEYS: usize = 40;
    let kafka = support::broker();
    let (url, pool) = support::database().await;
    make_topic(&support::client(&kafka)).await;
    let relays: Vec<_> = (0..3)
        .map(|_| child::relay(&kafka.bootstrap(), &url))
        .collect();
    let done = AtomicBool::new(false);
    let writing = async {
        let mut batches = 0_u32;
        while !done.load(Ordering::Relaxed) {
            let row =
                |k| OutboxRow::new(&numbered(format!("{batches:08}-{k:02}"), &format!("u-{k}")));
            let rows: Vec<OutboxRow> = (0..KEYS).map(|k| row(k).unwrap()).collect();
            insert(&pool, &rows).await;
            batches += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        usize::try_from(batches).unwrap() * KEYS
    };
    let chaos = async {
        let owners =
            "SELECT COUNT(DISTINCT owner) FROM test_outbox_slot WHERE lease_until > NOW(3)";
        let owners = |wanted| {
            let pool = &pool;
            async move {
                until("the slots have their owners", || async {
                    support::count(pool, owners).await == wanted
                })
                .await;
            }
        };
        owners(3).await;
        for round in 0..3 {
            let victim = &relays[round % 3];
            victim.pause().unwrap();
            // Its lease ends, and the others have its slots.
            owners(2).await;
            tokio::time::sleep(child::LEASE / 3).await;
            victim.resume().unwrap();
            owners(3).await;
            victim.kill9().unwrap();
            owners(2).await;
            victim.start_again().unwrap();
            owners(3).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (written, ()) = tokio::join!(writing, chaos);
    until_empty(&pool).await;
    let messages = log::read_events(&kafka.bootstrap(), TOPIC, written);
    let (repeats, late) = assert_in_order(&messages);
    println!("{written} events, {repeats} repeats, {late} of them after newer ones");
}
