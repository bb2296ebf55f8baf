//! A worker as a process, with a Redis, a database and a Kafka of its own: the topics and the group
//! have fixed names.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::EventType;
use devstack::{
    kafka::KafkaServer,
    process::ServerProcess,
    redis::{Appendonly, RedisServer},
};
use inventory_core::engine::{ProjectionMode, ShardClock};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    producer::{FutureProducer, FutureRecord},
};
use serde_json::Value;
use sync_worker::limits::DRAIN;

use super::shop::{Row, event, is_valid};
use crate::{bench::reconcile, support::*};

/// How long a condition may take to come true that a broker, and a group that lost a member, have a
/// part in.
const PATIENCE: Duration = Duration::from_secs(150);

pub(crate) async fn patiently(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < late, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) struct Plant {
    pub(crate) kafka: KafkaServer,
    pub(crate) world: World,
    pub(crate) worker: ServerProcess,
    pub(crate) producer: FutureProducer,
}

/// A shop on Redis's own clock, whose shard only workers open.
async fn live_world() -> World {
    let redis = RedisServer::builder().appendonly(Appendonly::Always);
    let redis = Arc::new(redis.start().unwrap());
    let url = database_url();
    World {
        engine: engine_on(&redis, ProjectionMode::Required, ShardClock::Redis).await,
        pool: migrated(&url).await,
        redis,
        clock: ShardClock::Redis,
        url,
    }
}

fn start(world: &World, args: &[&str]) -> ServerProcess {
    ServerProcess::builder(Path::new(env!("CARGO_BIN_EXE_sync-worker")))
        .without_env("SYNC_")
        .args(["run", "--ops-listen=127.0.0.1:0"])
        .args(["--redis-url", &world.redis.url()])
        .args(["--database-url", &world.url])
        // One that is killed is not waited for long.
        .args(["--kafka-session-seconds", "3"])
        .args(args)
        .start()
        .unwrap()
}

impl Plant {
    /// With so many units of `a`.
    pub(crate) async fn start(units: u64) -> Self {
        let broker = tokio::task::spawn_blocking(|| KafkaServer::builder().start().unwrap());
        let world = live_world().await;
        let kafka = broker.await.unwrap();
        let brokers = kafka.bootstrap();
        let args = ["--kafka-brokers", &brokers, "--topic-partitions=3"];
        let worker = start(&world, &args);
        world.opened().await;
        world.put("op-a", "a", units).await;
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("message.timeout.ms", "120000")
            .create()
            .unwrap();
        let plant = Self {
            kafka,
            world,
            worker,
            producer,
        };
        // A plain client cannot send to what is not there.
        patiently("the topics are there", async || {
            let observer = plant.observer();
            let metadata = observer.fetch_metadata(None, Duration::from_secs(10));
            metadata.is_ok_and(|metadata| {
                let names: Vec<_> = metadata.topics().iter().map(|topic| topic.name()).collect();
                ["order.placed", "order.placed.dlq", "inventory.reserved"]
                    .iter()
                    .all(|name| names.contains(name))
            })
        })
        .await;
        plant
    }

    fn observer(&self) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap())
            .set("group.id", "observer")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap()
    }

    /// Puts bytes on a topic, as any client would.
    pub(crate) async fn put(&self, topic: &str, key: &str, value: &[u8]) {
        let record = FutureRecord::to(topic).key(key).payload(value);
        let sent = self.producer.send(record, PATIENCE).await;
        sent.map_err(|(error, _)| error).unwrap();
    }

    pub(crate) async fn send(&self, event_type: EventType, key: &str, id: &str, data: &Value) {
        let value = event(event_type, id, data);
        self.put(event_type.topic(), key, value.as_bytes()).await;
    }

    /// All that is on a topic now: key and value.
    pub(crate) fn read(&self, topic: &str) -> Vec<(String, Value)> {
        let consumer = self.observer();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let mut list = TopicPartitionList::new();
        let mut left = BTreeMap::new();
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = consumer
                .fetch_watermarks(topic, partition.id(), PATIENCE)
                .unwrap();
            if high > low {
                left.insert(partition.id(), high);
                list.add_partition_offset(topic, partition.id(), Offset::Beginning)
                    .unwrap();
            }
        }
        consumer.assign(&list).unwrap();
        let mut found = Vec::new();
        let late = Instant::now() + PATIENCE;
        while !left.is_empty() {
            assert!(Instant::now() < late, "{topic} cannot be read");
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let text = |bytes: Option<&[u8]>| {
                String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
            };
            let value = serde_json::from_str(&text(message.payload())).unwrap_or_default();
            found.push((text(message.key()), value));
            if message.offset() + 1 >= left[&message.partition()] {
                left.remove(&message.partition());
            }
        }
        found
    }

    /// The different events of a type so far, by id; those of one order have its key.
    pub(crate) fn events(&self, event_type: EventType) -> BTreeMap<String, Value> {
        let messages = self.read(event_type.topic()).into_iter();
        messages
            .map(|(key, event)| {
                is_valid(event_type, &event);
                assert_eq!(event["correlationid"], key.as_str(), "{event}");
                (event["id"].as_str().unwrap().to_owned(), event)
            })
            .collect()
    }

    /// How often an order was told that it is held, or not, in different events.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        for event_type in [
            EventType::InventoryReserved,
            EventType::InventoryReservationFailed,
        ] {
            for event in self.events(event_type).into_values() {
                let order = event["data"]["orderId"].as_str().unwrap().to_owned();
                *outcomes.entry(order).or_default() += 1;
            }
        }
        outcomes
    }

    pub(crate) async fn row(&self, key: &str) -> Option<Row> {
        sqlx::query_as("SELECT outcome, reason FROM inventory_command WHERE command_key = ?")
            .bind(key)
            .fetch_optional(&self.world.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn decided(&self, key: &str) {
        patiently(key, async || self.row(key).await.is_some()).await;
    }

    /// available, reserved and sold of `a` in Redis.
    pub(crate) fn stock(&self) -> Vec<i64> {
        let fields: BTreeMap<_, _> = self.world.hash("stock:default:a").into_iter().collect();
        ["availableQuantity", "reservedQuantity", "soldQuantity"]
            .iter()
            .map(|name| fields[*name].parse().unwrap())
            .collect()
    }

    /// Nothing waits to be published.
    pub(crate) async fn told(&self) {
        self.world.at_rest().await;
        patiently("the outbox is empty", async || {
            let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM inventory_outbox")
                .fetch_one(&self.world.pool)
                .await
                .unwrap();
            rows == 0
        })
        .await;
    }

    /// Every message of the topic has been handled.
    pub(crate) async fn consumed(&self, topic: &str) {
        let group: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap())
            .set("group.id", sync_worker::commands::GROUP)
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        patiently("all is consumed", async || {
            (0..3).all(|partition| {
                let (low, high) = group.fetch_watermarks(topic, partition, PATIENCE).unwrap();
                let mut list = TopicPartitionList::new();
                list.add_partition(topic, partition);
                let committed = group.committed_offsets(list, PATIENCE).unwrap();
                let at = committed.elements()[0].offset().to_raw();
                high == low || at.is_some_and(|at| at >= high)
            })
        })
        .await;
    }

    pub(crate) async fn is_clean(&self) {
        self.world.at_rest().await;
        for command in ["check", "verify-invariants"] {
            reconcile(&self.world, &["--json", command]).await.ends(0);
        }
    }
}

/// The answer of the ops port.
pub(crate) fn ask(worker: &ServerProcess, path: &str) -> (u16, String) {
    let log = worker.log();
    let line = log.lines().find(|line| line.contains("listening")).unwrap();
    let (_, rest) = line.split_once("address=").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .get(&format!("http://{address}{path}"))
        .call()
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.body_mut().read_to_string().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_kafka_the_projection_goes_on_and_says_so() {
    let world = live_world().await;
    let worker = start(&world, &["--kafka-brokers=127.0.0.1:1"]);
    world.opened().await;
    world.put("op-a", "a", 10).await;
    world.reserve("r-1", &[("a", 2)]).await;
    world.at_rest().await;
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM inventory_outbox")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(rows >= 2, "what Kafka is to hear waits: {rows}");
    patiently("it is known to be away", async || {
        worker.log().contains("listening")
            && ask(&worker, "/readyz").1.contains(r#""kafka":{"detail""#)
    })
    .await;
    let (status, body) = ask(&worker, "/readyz");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["status"]),
        (200, &Value::from("ready")),
        "{body}"
    );
    assert_eq!(body["dependencies"]["kafka"]["status"], "down");
    let told = Instant::now();
    assert!(worker.terminate().unwrap().success());
    assert!(
        told.elapsed() < DRAIN + Duration::from_secs(30),
        "{:?}",
        told.elapsed()
    );
    // Whoever only speaks with Kafka is not ready.
    let worker = start(
        &world,
        &[
            "--kafka-brokers=127.0.0.1:1",
            "--only=events,commands",
            "--publish=debezium",
            "--connect-url=http://127.0.0.1:1",
        ],
    );
    patiently("it is known to be away", async || {
        worker.log().contains("listening")
            && ask(&worker, "/readyz").1.contains(r#""kafka":{"detail""#)
    })
    .await;
    let (status, body) = ask(&worker, "/readyz");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 503, "{body}");
    assert_eq!(body["dependencies"]["projection"]["status"], "off");
    let (_, metrics) = ask(&worker, "/metrics");
    for (line, there) in [("outbox_janitor_deleted", true), ("outbox_slots", false)] {
        assert_eq!(metrics.contains(line), there, "{line}:\n{metrics}");
    }
    assert!(worker.terminate().unwrap().success());
}
