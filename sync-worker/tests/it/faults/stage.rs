//! Servers, stores and workers of which one is about to be lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use devstack::{
    mariadb::MariaDbServer,
    redis::{Appendonly, RedisServer},
};
use inventory_core::{
    Count, Epoch, LimitChange, PurchaseLimit,
    engine::{ProjectionMode, ShardClock},
};
use inventory_server::{Config, Stop};
use sqlx::MySqlPool;

use super::clients::{Load, PLENTY, SCARCE, SKUS};
use crate::support::*;

/// inventory-server in a thread of its own, as it runs in a process of its own.
struct Server {
    address: String,
    stop: Stop,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(redis: &str) -> Self {
        let flags = [
            "inventory-server",
            "--listen=127.0.0.1:0",
            "--durability=everysec",
            "--projection=required",
            "--drain-timeout-seconds=1",
            &format!("--redis-url={redis}"),
        ];
        let config = Config::from_args(flags).unwrap();
        let stop = Stop::default();
        let (told, address) = mpsc::sync_channel(1);
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let ready = |address: SocketAddr| told.send(address.to_string()).unwrap();
            let served = runtime.block_on(inventory_server::run(config, stopped, ready));
            served.unwrap();
        });
        Self {
            address: address.recv().unwrap(),
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.stop.now.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// What MariaDB knew shortly before something was lost.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Status and deadline, ms.
    pub(crate) reservations: BTreeMap<String, (String, u64)>,
    pub(crate) operations: BTreeSet<String>,
}

impl Known {
    pub(crate) async fn read(pool: &MySqlPool) -> Self {
        let rows: Vec<(String, String, u64)> = sqlx::query_as(
            "SELECT reservation_id, status, CAST(UNIX_TIMESTAMP(expires_at) * 1000 AS UNSIGNED)
             FROM reservation",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let operations: Vec<String> =
            sqlx::query_scalar("SELECT operation_id FROM stock_operation")
                .fetch_all(pool)
                .await
                .unwrap();
        let rows = rows.into_iter();
        Self {
            reservations: rows.map(|(id, status, due)| (id, (status, due))).collect(),
            operations: operations.into_iter().collect(),
        }
    }
}

/// One loss.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) known: Known,
    pub(crate) before: Epoch,
    /// Nothing that was sent later can have been answered by what was lost.
    pub(crate) done: Instant,
    /// The same moment on the shard's clock, or a little later.
    pub(crate) done_ms: u64,
}

pub(crate) struct Stage {
    // The servers end before Redis does.
    servers: Vec<Server>,
    pub(crate) world: World,
    pub(crate) faults: Vec<Fault>,
}

impl Stage {
    /// So many servers, and no worker yet.
    pub(crate) async fn set(mariadb: &MariaDbServer, servers: usize) -> Self {
        let redis = RedisServer::builder()
            .appendonly(Appendonly::Everysec)
            .arg("auto-aof-rewrite-percentage", "0");
        let redis = Arc::new(redis.start().unwrap());
        let url = mariadb.create_database().unwrap();
        let world = World {
            engine: engine_on(&redis, ProjectionMode::Required, ShardClock::Redis).await,
            pool: migrated(&url).await,
            redis,
            clock: ShardClock::Redis,
            url,
        };
        Self {
            servers: (0..servers)
                .map(|_| Server::start(&world.redis.url()))
                .collect(),
            world,
            faults: vec![],
        }
    }

    /// Waits for a worker to open the shard, stocks it and lets the clients in.
    pub(crate) async fn sell(&self, seed: u64) -> Load {
        self.world.opened().await;
        for sku in SKUS {
            let on_hand = if sku == "scarce" { SCARCE } else { PLENTY };
            let limit = match sku {
                "limited" => LimitChange::Set(PurchaseLimit::new(1_000_000, None).unwrap()),
                _ => LimitChange::Keep,
            };
            let command = Count {
                limit,
                ..count(&format!("put-{sku}"), sku, on_hand)
            };
            let engine = &self.world.engine;
            engine.count(S, &command, soon()).await.unwrap().unwrap();
        }
        let servers: Vec<_> = self.servers.iter().map(|s| s.address.clone()).collect();
        let load = Load::begin(&servers, seed);
        load.answers(400).await;
        load
    }

    /// Stocks that nobody buys: a rebuild takes its time.
    pub(crate) async fn fill(&self) {
        self.world.opened().await;
        for index in 0..IDLE_STOCKS {
            self.world
                .put(&format!("fill-{index}"), &format!("idle-{index}"), 7)
                .await;
        }
        self.world.at_rest().await;
    }

    pub(crate) async fn known(&self) -> Known {
        Known::read(&self.world.pool).await
    }

    /// Something is lost.
    pub(crate) async fn lose(&mut self, how: impl FnOnce(&RedisServer)) {
        let known = self.known().await;
        self.lose_knowing(known, how).await;
    }

    /// The same, while MariaDB cannot say what it knows.
    pub(crate) async fn lose_knowing(&mut self, known: Known, how: impl FnOnce(&RedisServer)) {
        let before = self.epoch().await;
        how(&self.world.redis);
        let done = Instant::now();
        self.faults.push(Fault {
            known,
            before,
            done,
            done_ms: self.clock_ms(),
        });
    }

    async fn epoch(&self) -> Epoch {
        let meta = self.world.survey().await.meta;
        let before = self.faults.last().map_or(Epoch(0), |fault| fault.before);
        meta.map_or(before, |meta| meta.epoch.max(before))
    }

    fn clock_ms(&self) -> u64 {
        let time = self.world.raw(&["TIME"]);
        let parts: Vec<u64> = time
            .items()
            .unwrap()
            .iter()
            .map(|part| part.text().unwrap().parse().unwrap())
            .collect();
        parts[0] * 1_000 + parts[1] / 1_000
    }

    /// The shard was opened again, and all clients go on.
    pub(crate) async fn back(&self, load: &Load) {
        let before = self.faults.last().unwrap().before;
        self.world.opened_after(before).await;
        load.answers(100).await;
    }

    /// Somebody has begun to fill Redis and is not done.
    pub(crate) fn is_restoring(&self) -> bool {
        let state = self.world.raw(&["HGET", &k("meta"), "state"]);
        state.text().is_some_and(|state| state == "RECOVERING")
    }

    /// Waits for that, with as little delay as there can be; or until it is over, on a machine that
    /// looks too late.
    pub(crate) async fn is_being_restored(&self) {
        let before = self.faults.last().unwrap().before.0;
        let late = Instant::now() + Duration::from_secs(60);
        let opened = || {
            let epoch = self.world.raw(&["HGET", &k("meta"), "epoch"]).integer();
            epoch.is_some_and(|epoch| u64::try_from(epoch).unwrap() > before)
        };
        while !self.is_restoring() && !opened() {
            assert!(Instant::now() < late, "nobody fills Redis");
            tokio::task::yield_now().await;
        }
    }

    /// Whether an entry is in the append-only file.
    pub(crate) fn is_written(&self, id: &str) -> bool {
        let file = fs::read(self.world.redis.aof_incr_file().unwrap()).unwrap();
        file.windows(id.len()).any(|part| part == id.as_bytes())
    }

    /// The projection is past all that Redis has now.
    pub(crate) async fn projected(&self) {
        let last = self.world.survey().await.last.unwrap();
        eventually("it is projected", async || {
            self.world.cursor().await.position >= last
        })
        .await;
    }

    /// What servers say they lost.
    pub(crate) fn counted_lost(&self) -> f64 {
        let lost = self.servers.iter().map(|server| {
            let url = format!("http://{}/metrics", server.address);
            let mut answer = ureq::get(&url).call().unwrap();
            let text = answer.body_mut().read_to_string().unwrap();
            let lines = text.lines();
            lines
                .filter(|line| line.starts_with("inventory_lost_entries"))
                .map(|line| {
                    let value = line.rsplit(' ').next().unwrap();
                    value.parse::<f64>().unwrap()
                })
                .sum::<f64>()
        });
        lost.sum()
    }
}

pub(crate) const IDLE_STOCKS: usize = 2_000;

/// Copies what a data folder has.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Another folder takes the place of this one; none: it is left empty.
pub(crate) fn replace_folder(at: &Path, with: Option<&Path>) {
    fs::remove_dir_all(at).unwrap();
    match with {
        Some(with) => copy_folder(with, at),
        None => fs::create_dir(at).unwrap(),
    }
}
