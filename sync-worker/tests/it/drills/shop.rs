//! A shop whose stores are about to be lost: an engine as servers have it, and a worker as a process.

use std::{path::Path, sync::Arc, time::Duration};

use devstack::{
    mariadb::MariaDbServer,
    process::ServerProcess,
    redis::{Appendonly, Builder, RedisServer},
};
use inventory_core::engine::{ProjectionMode, ShardClock};
use serde_json::Value;
use sync_worker::database;

use super::{hands::Hands, page::blocks};
use crate::support::*;

const WORKER: &str = env!("CARGO_BIN_EXE_sync-worker");

/// The databases that the page names.
const DATABASES: [&str; 6] = [
    "inventory",
    "shop_auth",
    "shop_user",
    "shop_catalog",
    "shop_order",
    "shop_payment",
];

const ON_HAND: u64 = 1_000;

const PATIENCE: Duration = Duration::from_secs(60);

/// A worker that runs as a process.
pub(super) struct Worker {
    process: ServerProcess,
    ops: String,
}

impl Worker {
    pub(super) fn start(world: &World) -> Self {
        let process = ServerProcess::builder(Path::new(WORKER))
            .without_env("SYNC_")
            .args(["run", "--no-kafka", "--ops-listen=127.0.0.1:0"])
            .args(["--redis-url", &world.redis.url()])
            .args(["--database-url", &world.url])
            .start()
            .unwrap();
        let line = process.wait_for_line(|line| line.contains("listening"), PATIENCE);
        let line = line.unwrap();
        let (_, address) = line.split_once("address=").unwrap();
        let ops = address.split(' ').next().unwrap().to_owned();
        Self { process, ops }
    }

    pub(super) fn stop(self) {
        assert!(self.process.terminate().unwrap().success());
    }
}

/// A Redis as operators have it.
pub(super) fn redis() -> Builder {
    let redis = RedisServer::builder();
    redis.appendonly(Appendonly::Everysec)
}

/// A MariaDB as operators have it, with no database.
pub(super) fn mariadb() -> MariaDbServer {
    let mariadb = MariaDbServer::builder();
    mariadb.row_binlog().start().unwrap()
}

/// Both stores, with stock. The orders' database has a table of its own.
pub(super) async fn shop(mariadb: &MariaDbServer) -> (World, Worker) {
    for name in DATABASES {
        mariadb.sql(&format!("CREATE DATABASE {name}")).unwrap();
    }
    mariadb
        .sql("CREATE TABLE shop_order.orders (id VARCHAR(40) PRIMARY KEY)")
        .unwrap();
    let url = mariadb.url("inventory");
    let pool = migrated(&url).await;
    let redis = Arc::new(redis().start().unwrap());
    let engine = engine_on(&redis, ProjectionMode::Required, ShardClock::Redis).await;
    let world = World {
        redis,
        engine,
        clock: ShardClock::Redis,
        url,
        pool,
    };
    let worker = Worker::start(&world);
    world.opened().await;
    for sku in ["apples", "pears"] {
        world.put(&format!("put-{sku}"), sku, ON_HAND).await;
    }
    (world, worker)
}

/// Thirty reservations: of each three one stays open, one is sold, one is let go.
pub(super) async fn trade(world: &World, name: &str) {
    for index in 0..30 {
        let (engine, id) = (&world.engine, format!("{name}-{index}"));
        world.reserve(&id, &[("apples", 1), ("pears", 2)]).await;
        if index % 3 == 0 {
            let confirmed = engine.confirm(S, &confirm(&id), soon()).await;
            confirmed.unwrap().unwrap();
        } else if index % 3 == 1 {
            let released = engine.release(S, &release(&id), soon()).await;
            released.unwrap().unwrap();
        }
    }
}

/// An order, which only MariaDB has.
pub(super) fn order(mariadb: &MariaDbServer, id: &str) {
    let sql = format!("INSERT INTO shop_order.orders VALUES ('{id}')");
    mariadb.sql(&sql).unwrap();
}

pub(super) fn orders(mariadb: &MariaDbServer) -> Vec<String> {
    let text = mariadb.sql("SELECT id FROM shop_order.orders ORDER BY id");
    text.unwrap().lines().map(ToOwned::to_owned).collect()
}

impl World {
    /// The same shop with another MariaDB, on which there is what was restored.
    pub(super) fn moved_to_mariadb(self, mariadb: &MariaDbServer) -> Self {
        let url = mariadb.url("inventory");
        Self {
            pool: database::pool(&url).unwrap(),
            url,
            ..self
        }
    }

    /// The same shop with another Redis.
    pub(super) async fn moved_to_redis(self, redis: RedisServer) -> Self {
        let redis = Arc::new(redis);
        Self {
            engine: engine_on(&redis, ProjectionMode::Required, ShardClock::Redis).await,
            redis,
            ..self
        }
    }

    /// So many trades were made as far as this shop knows: in Redis, and in MariaDB with their history.
    pub(super) async fn has_trades(&self, trades: i64) {
        self.at_rest().await;
        // The audit log has a line for each of the two goods of a reservation.
        for (counted, rows) in [
            ("reservation", 30),
            ("stock_journal WHERE kind = 'RESERVED'", 60),
            ("stock_journal WHERE kind = 'CONFIRMED'", 20),
            ("stock_journal WHERE kind = 'RELEASED'", 20),
        ] {
            let count = format!("SELECT COUNT(*) FROM {counted}");
            let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count));
            let found: i64 = count.fetch_one(&self.pool).await.unwrap();
            assert_eq!(found, rows * trades, "{counted}");
        }
        let read = self.engine.stock(S, &[key("apples")], soon()).await;
        let read = read.unwrap();
        let [Some(apples)] = &read.stocks[..] else {
            panic!("{read:?}");
        };
        let trades = u64::try_from(trades).unwrap();
        assert_eq!(
            (apples.available, apples.reserved, apples.sold),
            (ON_HAND - 20 * trades, 10 * trades, 10 * trades)
        );
    }

    /// What the page says to look at; how the worker opened the shard, if it had to.
    pub(super) async fn looks_well(&self, hands: &Hands, worker: &Worker) -> Value {
        self.at_rest().await;
        let [look] = blocks("## Restore");
        let (first, rest) = look.split_once('\n').unwrap();
        let said = hands.type_in(rest).await;
        assert!(said.starts_with("clean"), "{said}");
        assert!(said.contains("\nexit 0\n"), "{said}");
        assert!(said.contains("all invariants hold"), "{said}");
        // No machine of ours needs curl and jq.
        let first = first.strip_prefix("curl -s localhost:8090").unwrap();
        let (path, rest) = first.split_once(" | jq ").unwrap();
        let (place, _) = rest.split_once(' ').unwrap();
        let url = format!("http://{}{path}", worker.ops);
        let asked = tokio::task::spawn_blocking(move || {
            let mut answer = ureq::get(&url).call().unwrap();
            answer.body_mut().read_to_string().unwrap()
        });
        let answer: Value = serde_json::from_str(&asked.await.unwrap()).unwrap();
        let (place, name) = place.rsplit_once('.').unwrap();
        let part = answer.pointer(&place.replace('.', "/"));
        let part = part.unwrap_or_else(|| panic!("{place}: {answer}"));
        part.get(name).cloned().unwrap_or_default()
    }
}
