use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::user::Locked;
use prometheus_client::registry::Registry;
use service_kit::{
    consumer::{
        Consumer, ConsumerError, ConsumerMetrics, ConsumerSettings, Event, FreeHandler, Handler,
        HandlerError, Outcome,
    },
    kafka::Kafka,
    metrics,
};
use sqlx::{MySql, MySqlPool, Transaction};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    child,
    support::{
        self, count,
        events::{self, locked, numbered, producer, send, topic},
        service, until,
    },
};

pub(crate) const HANDLED: &str = "SELECT COUNT(*) FROM handled";
const ONCE: &str = "SELECT COUNT(DISTINCT event_id) FROM handled";

/// What every handler here does: a row for each event.
pub(crate) async fn write(
    transaction: &mut Transaction<'_, MySql>,
    event: &Event<'_>,
) -> Result<(), HandlerError> {
    let user = event.decode::<Locked>()?.data.user_id;
    sqlx::query("INSERT INTO handled (event_id, user_id) VALUES (?, ?)")
        .bind(event.id())
        .bind(user)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Writes, and fails for users of certain names.
#[derive(Default, Clone)]
pub(crate) struct Writer {
    /// `transient…` fails while this is set.
    pub(crate) failing: Arc<AtomicBool>,
    pub(crate) attempts: Arc<AtomicUsize>,
    /// How long each event takes.
    pub(crate) takes: Duration,
}

impl Handler for Writer {
    fn name(&self) -> &str {
        "writer"
    }

    async fn handle(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> Result<Outcome, HandlerError> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        // First the row: a failure takes it back.
        write(transaction, event).await?;
        tokio::time::sleep(self.takes).await;
        let user = event.decode::<Locked>()?.data.user_id;
        if user.starts_with("transient") && self.failing.load(Ordering::Relaxed) {
            return Err(HandlerError::transient("not now"));
        }
        match user.as_str() {
            "permanent" => Err(HandlerError::permanent(
                "NO_SUCH_THING",
                "there is no such thing",
            )),
            "panic" => panic!("the handler panics"),
            "skip" => Ok(Outcome::Skipped("unknown user")),
            _ => Ok(Outcome::Done),
        }
    }
}

pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ConsumerError>>,
    registry: Registry,
}

impl Running {
    pub(crate) fn start(kafka: Kafka, pool: &MySqlPool, topic: &str, handler: Writer) -> Self {
        Self::with(kafka, pool, settings(topic), handler)
    }

    pub(crate) fn with(
        kafka: Kafka,
        pool: &MySqlPool,
        settings: ConsumerSettings,
        handler: Writer,
    ) -> Self {
        let mut registry = Registry::default();
        let metrics = ConsumerMetrics::register(&mut registry);
        let consumer = Consumer::new(kafka, &service(), pool.clone(), settings, metrics, handler);
        let stop = CancellationToken::new();
        let task = tokio::spawn(consumer.run(stop.clone()));
        Self {
            stop,
            task,
            registry,
        }
    }

    pub(crate) async fn stop(self) -> String {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        metrics::text(&self.registry)
    }

    pub(crate) fn metrics(&self) -> String {
        metrics::text(&self.registry)
    }
}

pub(crate) fn settings(topic: &str) -> ConsumerSettings {
    ConsumerSettings {
        retry_first: Duration::from_millis(20),
        retry_longest: Duration::from_millis(200),
        // Longer than a busy machine keeps a heartbeat from the broker: what is lost with a session is
        // done again, and counted.
        session_timeout: Duration::from_secs(10),
        ..ConsumerSettings::new(format!("{topic}-group"), [topic])
    }
}

pub(crate) async fn until_handled(pool: &MySqlPool, events: i64) {
    until("all events are handled", || async {
        count(pool, HANDLED).await >= events
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_twice_has_the_effect_of_once() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 3).await, producer(&kafka));
    let all: Vec<_> = (0..200).map(|n| locked(&format!("u-{}", n % 10))).collect();
    send(&producer, &topic, &all).await;
    send(&producer, &topic, &all).await;
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    until("the repeats are seen", || async {
        let repeated = format!("consumer_repeated_total{{topic=\"{topic}\"}} 200");
        consumer.metrics().contains(&repeated)
    })
    .await;
    let metrics = consumer.stop().await;
    assert!(
        metrics.contains(&format!("consumer_handled_total{{topic=\"{topic}\"}} 200")),
        "{metrics}"
    );
    assert_eq!(
        (count(&pool, HANDLED).await, count(&pool, ONCE).await),
        (200, 200)
    );

    // The offsets are committed: a new consumer gets none of them again.
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    send(&producer, &topic, &[locked("after")]).await;
    until_handled(&pool, 201).await;
    let metrics = consumer.stop().await;
    assert!(!metrics.contains("consumer_repeated_total{"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transient_failure_holds_up_its_partition_only_and_keeps_its_order() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 6).await, producer(&kafka));
    let writer = Writer::default();
    writer.failing.store(true, Ordering::Relaxed);
    let stuck: Vec<_> = (0..20)
        .map(|n| numbered(format!("s-{n:02}"), "transient-1"))
        .collect();
    send(&producer, &topic, &stuck).await;
    let others: Vec<_> = (0..100).map(|n| locked(&format!("u-{n}"))).collect();
    send(&producer, &topic, &others).await;
    let consumer = Running::start(kafka, &pool, &topic, writer.clone());
    // Everything but what shares the partition is handled while it waits.
    until("the partition is paused", || async {
        consumer.metrics().contains("consumer_paused_partitions 1")
            && count(&pool, HANDLED).await >= 60
    })
    .await;
    until("it is tried again and again", || async {
        writer.attempts.load(Ordering::Relaxed) > 70
    })
    .await;
    let stuck_ones = "SELECT COUNT(*) FROM handled WHERE user_id = 'transient-1'";
    assert_eq!(count(&pool, stuck_ones).await, 0);
    writer.failing.store(false, Ordering::Relaxed);
    until_handled(&pool, 120).await;
    let order: Vec<String> = sqlx::query_scalar(
        "SELECT event_id FROM handled WHERE user_id = 'transient-1' ORDER BY seq",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(order.is_sorted() && order.len() == 20, "{order:?}");
    let metrics = consumer.stop().await;
    assert!(
        metrics.contains(&format!("consumer_retries_total{{topic=\"{topic}\"}}")),
        "{metrics}"
    );
    assert!(
        !metrics.contains("consumer_dead_letters_total{"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_the_two_commits_nothing_is_done_twice() {
    let kafka = support::kafka();
    let (url, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
    let all: Vec<_> = (0..5).map(|n| numbered(format!("e-{n}"), "u")).collect();
    send(&producer, &topic, &all).await;
    for life in 1..=3 {
        let child = child::dying_consumer(&support::brokers(), &url, &topic);
        let wait = tokio::task::spawn_blocking(move || {
            child
                .wait_for_line(|line| line.contains("committed"), support::PATIENCE)
                .unwrap();
            child.kill9().unwrap();
        });
        wait.await.unwrap();
        // Each life begins with what the one before did, knows it, and does one more.
        assert_eq!(count(&pool, HANDLED).await, life);
    }
    let consumer = Running::start(kafka, &pool, &topic, Writer::default());
    until_handled(&pool, 5).await;
    consumer.stop().await;
    assert_eq!(
        (count(&pool, HANDLED).await, count(&pool, ONCE).await),
        (5, 5)
    );
    let order: Vec<String> = sqlx::query_scalar("SELECT event_id FROM handled ORDER BY seq")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_is_under_way() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
    let all: Vec<_> = (0..10).map(|_| locked("u")).collect();
    send(&producer, &topic, &all).await;
    let writer = Writer {
        takes: Duration::from_millis(400),
        ..Writer::default()
    };
    let consumer = Running::start(kafka.clone(), &pool, &topic, writer.clone());
    until("the first is under way", || async {
        writer.attempts.load(Ordering::Relaxed) > 0
    })
    .await;
    let metrics = consumer.stop().await;
    let done = count(&pool, HANDLED).await;
    assert!((1..10).contains(&done), "{done}\n{metrics}");
    // The next one goes on behind it, without a repeat.
    let consumer = Running::start(kafka, &pool, &topic, Writer::default());
    until_handled(&pool, 10).await;
    let metrics = consumer.stop().await;
    assert!(!metrics.contains("consumer_repeated_total{"), "{metrics}");
    assert_eq!(count(&pool, ONCE).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_wants_is_skipped_and_counted() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
    let unknown = r#"{"specversion":"1.0","id":"1","source":"/x","type":"user.sang","data":{}}"#;
    let headers = rdkafka::message::OwnedHeaders::new();
    events::send_raw(
        &producer,
        &topic,
        0,
        None,
        Some(unknown.as_bytes()),
        headers,
    )
    .await;
    send(&producer, &topic, &[locked("skip"), locked("u")]).await;
    let consumer = Running::start(kafka, &pool, &topic, Writer::default());
    until_handled(&pool, 1).await;
    let metrics = consumer.stop().await;
    for reason in ["unknown type", "unknown user"] {
        let line = format!("consumer_skipped_total{{topic=\"{topic}\",reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
    // Skipped is not handled: nothing was written, not even to the inbox.
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM test_inbox").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_fills_up_pauses_and_goes_on_where_it_was() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 2).await, producer(&kafka));
    let all: Vec<_> = (0..600)
        .map(|n| numbered(format!("{n:05}"), &format!("u-{}", n % 2)))
        .collect();
    send(&producer, &topic, &all).await;
    let mut registry = Registry::default();
    let metrics = ConsumerMetrics::register(&mut registry);
    let settings = ConsumerSettings {
        queue_max: 16,
        ..settings(&topic)
    };
    let consumer = Consumer::new(
        kafka,
        &service(),
        pool.clone(),
        settings,
        metrics,
        Writer::default(),
    );
    let stop = CancellationToken::new();
    let task = tokio::spawn(consumer.run(stop.clone()));
    until_handled(&pool, 600).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(count(&pool, ONCE).await, 600);
    for user in ["u-0", "u-1"] {
        let order: Vec<String> =
            sqlx::query_scalar("SELECT event_id FROM handled WHERE user_id = ? ORDER BY seq")
                .bind(user)
                .fetch_all(&pool)
                .await
                .unwrap();
        assert!(order.is_sorted() && order.len() == 300);
    }
    let metrics = metrics::text(&registry);
    assert!(!metrics.contains("consumer_repeated_total{"), "{metrics}");
}

/// Its own record of what it did.
#[derive(Clone, Default)]
struct Free(Arc<Mutex<HashMap<String, u32>>>);

impl FreeHandler for Free {
    fn name(&self) -> &str {
        "free"
    }

    async fn handle(&self, event: &Event<'_>) -> Result<Outcome, HandlerError> {
        let mut calls = self.0.lock().unwrap();
        *calls.entry(event.id().to_owned()).or_default() += 1;
        if event.attempt() < 3 {
            return Err(HandlerError::transient("twice not"));
        }
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_may_see_to_its_transactions_itself() {
    let kafka = support::kafka();
    let (topic, producer) = (topic(&kafka, 2).await, producer(&kafka));
    let all: Vec<_> = (0..10).map(|n| locked(&format!("u-{n}"))).collect();
    send(&producer, &topic, &all).await;
    let (free, stop) = (Free::default(), CancellationToken::new());
    let metrics = ConsumerMetrics::register(&mut Registry::default());
    let consumer = Consumer::free(kafka, settings(&topic), metrics, free.clone());
    let task = tokio::spawn(consumer.run(stop.clone()));
    until("each was called three times", || async {
        let calls = free.0.lock().unwrap();
        calls.len() == 10 && calls.values().all(|calls| *calls == 3)
    })
    .await;
    stop.cancel();
    task.await.unwrap().unwrap();
}

/// Takes its time, until it may end, and tells how often it began and ended.
#[derive(Clone, Default)]
struct Slow {
    began: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    may_end: CancellationToken,
}

impl FreeHandler for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    async fn handle(&self, _: &Event<'_>) -> Result<Outcome, HandlerError> {
        self.began.fetch_add(1, Ordering::Relaxed);
        self.may_end.cancelled().await;
        self.ended.fetch_add(1, Ordering::Relaxed);
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_free_handler_ends_what_it_began_when_its_partition_goes() {
    let kafka = support::kafka();
    let (topic, producer) = (topic(&kafka, 2).await, producer(&kafka));
    for partition in 0..2 {
        let event = locked("u").encode().unwrap();
        let headers = rdkafka::message::OwnedHeaders::new();
        events::send_raw(&producer, &topic, partition, None, Some(&event), headers).await;
    }
    let stop = CancellationToken::new();
    let start = |slow: &Slow| {
        let metrics = ConsumerMetrics::register(&mut Registry::default());
        let consumer = Consumer::free(kafka.clone(), settings(&topic), metrics, slow.clone());
        tokio::spawn(consumer.run(stop.clone()))
    };
    let (one, two) = (Slow::default(), Slow::default());
    let load = |number: &AtomicUsize| number.load(Ordering::Relaxed);
    let mut tasks = vec![start(&one)];
    until("both are under way", || async { load(&one.began) == 2 }).await;
    tasks.push(start(&two));
    until("one went", || async { load(&two.began) == 1 }).await;
    assert_eq!(load(&one.ended), 0);
    one.may_end.cancel();
    two.may_end.cancel();
    until("both are ended", || async { load(&one.ended) == 2 }).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lag_of_a_paused_partition_grows() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
    let writer = Writer::default();
    writer.failing.store(true, Ordering::Relaxed);
    send(&producer, &topic, &[locked("transient")]).await;
    let consumer = Running::start(kafka, &pool, &topic, writer);
    until("it is paused", || async {
        consumer.metrics().contains("consumer_paused_partitions 1")
    })
    .await;
    let more: Vec<_> = (0..41).map(|_| locked("u")).collect();
    send(&producer, &topic, &more).await;
    let line = format!("consumer_lag{{topic=\"{topic}\",partition=\"0\"}} 42\n");
    until("the lag is told", || async {
        consumer.metrics().contains(&line)
    })
    .await;
    consumer.stop().await;
}
