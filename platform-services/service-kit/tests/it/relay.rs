use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use prometheus_client::registry::Registry;
use rdkafka::Message as _;
use service_kit::{
    db::{self, PoolSettings},
    kafka::Kafka,
    metrics,
    outbox::{Outbox, OutboxRow},
    relay::{Relay, RelayMetrics, RelaySettings},
    topics::{self, TopicSettings},
};
use sqlx::{Connection as _, MySqlPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{
    self, count,
    events::{locked, numbered},
    log, service, unique, until,
};

pub(crate) const TOPIC: &str = "user.locked";

pub(crate) async fn make_topic(kafka: &Kafka) {
    let types = [contracts::EventType::UserLocked];
    topics::create(kafka, types, TopicSettings::default())
        .await
        .unwrap();
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    registry: Registry,
}

impl Running {
    fn start(kafka: Kafka, pool: MySqlPool) -> Self {
        Self::start_with(kafka, pool, |relay| relay)
    }

    fn start_with(kafka: Kafka, pool: MySqlPool, change: impl FnOnce(Relay) -> Relay) -> Self {
        let mut registry = Registry::default();
        let metrics = RelayMetrics::register(&mut registry);
        let settings = RelaySettings {
            lease: Duration::from_secs(6),
            ..RelaySettings::default()
        };
        let relay = change(Relay::new(&service(), pool, kafka, settings, metrics));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { relay.run(stopped).await.unwrap() });
        Self {
            stop,
            task,
            registry,
        }
    }

    async fn stop(self) -> String {
        self.stop.cancel();
        self.task.await.unwrap();
        metrics::text(&self.registry)
    }
}

pub(crate) async fn insert(pool: &MySqlPool, rows: &[OutboxRow]) {
    let mut transaction = db::begin(pool).await.unwrap();
    Outbox::new(&service())
        .insert_rows(&mut transaction, rows)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

pub(crate) async fn until_empty(pool: &MySqlPool) {
    until("the outbox is empty", || async {
        count(pool, "SELECT COUNT(*) FROM test_outbox").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_published_as_they_are_and_taken_away() {
    let (_, pool) = support::database().await;
    make_topic(&support::kafka()).await;
    let user = unique("u");
    let mut event = locked(&user);
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    event.traceparent = Some(traceparent.to_owned());
    insert(&pool, &[OutboxRow::new(&event).unwrap()]).await;
    let relay = Running::start(support::kafka(), pool.clone());
    until_empty(&pool).await;
    let messages = log::read_until(&support::brokers(), TOPIC, |message| {
        log::key(message) == user
    });
    let message = messages
        .iter()
        .find(|message| log::key(message) == user)
        .unwrap();
    assert_eq!(message.payload().unwrap(), event.encode().unwrap());
    let header = |name| log::header(message, name);
    assert_eq!(header("id").as_deref(), Some(event.id.as_str()));
    assert_eq!(header("ce_type").as_deref(), Some(TOPIC));
    assert_eq!(
        header("content-type").as_deref(),
        Some("application/cloudevents+json")
    );
    assert_eq!(header("traceparent").as_deref(), Some(traceparent));
    let metrics = relay.stop().await;
    assert!(
        metrics.contains("outbox_published_total{topic=\"user.locked\"} 1"),
        "{metrics}"
    );
    // The slots are free at once.
    let owned = "SELECT COUNT(*) FROM test_outbox_slot WHERE owner IS NOT NULL";
    assert_eq!(count(&pool, owned).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_commits_late_is_not_passed_over() {
    let (_, pool) = support::database().await;
    make_topic(&support::kafka()).await;
    let relay = Running::start(support::kafka(), pool.clone());
    let (early, late) = (unique("early"), unique("late"));
    let outbox = Outbox::new(&service());
    let mut slow = db::begin(&pool).await.unwrap();
    outbox.insert(&mut slow, &locked(&late)).await.unwrap();
    // A higher id commits first, is published, and deleted while the lower one is still open.
    insert(&pool, &[OutboxRow::new(&locked(&early)).unwrap()]).await;
    until_empty(&pool).await;
    slow.commit().await.unwrap();
    until_empty(&pool).await;
    let mut wanted = HashSet::from([early, late]);
    log::read_until(&support::brokers(), TOPIC, |message| {
        wanted.remove(&log::key(message));
        wanted.is_empty()
    });
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_slots() {
    let (_, pool) = support::database().await;
    make_topic(&support::kafka()).await;
    let owners = || async {
        let sql = "SELECT COUNT(DISTINCT owner) FROM test_outbox_slot WHERE lease_until > NOW(3)";
        count(&pool, sql).await
    };
    let one = Running::start(support::kafka(), pool.clone());
    until("one has all", || async {
        let sql = "SELECT COUNT(*) FROM test_outbox_slot WHERE lease_until > NOW(3)";
        count(&pool, sql).await == 16 && owners().await == 1
    })
    .await;
    let two = Running::start(support::kafka(), pool.clone());
    until("both have half", || async {
        let sql = "SELECT COALESCE(MAX(c), 0) FROM (SELECT COUNT(*) AS c FROM test_outbox_slot \
            WHERE lease_until > NOW(3) GROUP BY owner) AS counts";
        owners().await == 2 && count(&pool, sql).await == 8
    })
    .await;
    one.stop().await;
    until("the other has all", || async {
        let sql = "SELECT COUNT(*) FROM test_outbox_slot WHERE lease_until > NOW(3)";
        owners().await == 1 && count(&pool, sql).await == 16
    })
    .await;
    two.stop().await;
}

/// Writing goes on while the broker is killed, away for 30 s, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_and_comes_back_loses_nothing() {
    let kafka = support::broker();
    let (_, pool) = support::database().await;
    make_topic(&support::client(&kafka)).await;
    let relay = Running::start(support::client(&kafka), pool.clone());
    let done = AtomicBool::new(false);
    let writing = async {
        let mut written = 0;
        while !done.load(Ordering::Relaxed) {
            let event = |k| numbered(format!("{written:08}-{k}"), &format!("u-{k}"));
            let rows: Vec<OutboxRow> = (0..10)
                .map(|k| OutboxRow::new(&event(k)).unwrap())
                .collect();
            insert(&pool, &rows).await;
            written += rows.len();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        written
    };
    let outage = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        kafka.kill9().unwrap();
        tokio::time::sleep(support::OUTAGE).await;
        assert!(count(&pool, "SELECT COUNT(*) FROM test_outbox").await > 1000);
        tokio::task::block_in_place(|| kafka.start_again()).unwrap();
        until("the backlog shrinks", || async {
            count(&pool, "SELECT COUNT(*) FROM test_outbox").await < 1000
        })
        .await;
        done.store(true, Ordering::Relaxed);
    };
    let (written, ()) = tokio::join!(writing, outage);
    until_empty(&pool).await;
    let text = || metrics::text(&relay.registry);
    until("there is no lag", || async {
        text().contains("outbox_lag_seconds 0.0\n")
    })
    .await;
    relay.stop().await;
    let messages = log::read_events(&kafka.bootstrap(), TOPIC, written);
    crate::relay_order::assert_in_order(&messages);
}

/// MariaDB refuses the relay's statements only while its tables are away; it waits and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_outlives_its_database() {
    let (url, pool) = support::database().await;
    make_topic(&support::kafka()).await;
    let relay = Running::start(
        support::kafka(),
        db::pool(&url, "test", PoolSettings::default()).unwrap(),
    );
    let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
    let rename = |from: &str, to: &str| format!("RENAME TABLE {from} TO {to}");
    let away = rename("test_outbox", "away");
    sqlx::raw_sql(sqlx::AssertSqlSafe(away))
        .execute(&mut connection)
        .await
        .unwrap();
    let fine = || metrics::text(&relay.registry).contains("database_failures_total 0");
    until("the relay noticed", || async { !fine() }).await;
    let back = rename("away", "test_outbox");
    sqlx::raw_sql(sqlx::AssertSqlSafe(back))
        .execute(&mut connection)
        .await
        .unwrap();
    insert(&pool, &[OutboxRow::new(&locked(&unique("u"))).unwrap()]).await;
    until_empty(&pool).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_missing_holds_up_no_other_and_is_made_again() {
    let (_, pool) = support::database().await;
    make_topic(&support::kafka()).await;
    let missing = unique("missing");
    // At the head of the slot of the others, and more than are read at once.
    let lost: Vec<OutboxRow> = (0..400)
        .map(|n| OutboxRow::new(&numbered(format!("lost-{n:03}"), "u")).unwrap())
        .collect();
    insert(&pool, &lost).await;
    sqlx::query("UPDATE test_outbox SET topic = ?")
        .bind(&missing)
        .execute(&pool)
        .await
        .unwrap();
    let rest = "SELECT COUNT(*) FROM test_outbox WHERE topic = 'user.locked'";
    let relay = Running::start(support::kafka(), pool.clone());
    for n in 0..3 {
        let event = numbered(format!("fine-{n}"), "u");
        insert(&pool, &[OutboxRow::new(&event).unwrap()]).await;
        until("the other topic flows", || async {
            count(&pool, rest).await == 0
        })
        .await;
    }
    relay.stop().await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM test_outbox").await, 400);
    let relay = Running::start_with(support::kafka(), pool.clone(), |relay| {
        relay.make_topics(TopicSettings::default())
    });
    until_empty(&pool).await;
    relay.stop().await;
    let messages = log::read_events(&support::brokers(), &missing, 400);
    crate::relay_order::assert_in_order(&messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_the_dead_end_also_when_the_clock_was_set_back() {
    let (_, pool) = support::database().await;
    make_topic(&support::kafka()).await;
    for statement in [
        "UPDATE test_outbox_slot SET owner = 'dead', lease_until = NOW(3) + INTERVAL 1 HOUR",
        "INSERT INTO test_outbox_relay VALUES ('dead', NOW(3) + INTERVAL 1 HOUR)",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let relay = Running::start(support::kafka(), pool.clone());
    until("all slots are ours", || async {
        let sql = "SELECT COUNT(*) FROM test_outbox_slot WHERE owner <> 'dead'";
        count(&pool, sql).await == 16
    })
    .await;
    relay.stop().await;
}
