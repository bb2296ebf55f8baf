//! A private Redis with an engine on it, a database of its own on a private MariaDB, and short names
//! for commands.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use devstack::{
    mariadb::{self, MariaDbServer},
    redis::{RedisServer, Reply},
};
use inventory_core::{
    engine::{Durability, Engine, EngineConfig, ProjectionMode, ShardClock},
    *,
};
use sqlx::MySqlPool;
use sync_worker::{cursor, database};

pub(crate) const S: ShardId = ShardId::ZERO;
pub(crate) const T0: TimestampMs = TimestampMs(1_800_000_000_000);
/// How long a condition may take to come true; far longer than it ever should.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The MariaDB of this process, for tests that neither kill nor pause theirs. Commits are flushed
/// once a second: nothing here survives the machine anyway.
pub(crate) static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

/// A URL of an empty database on the shared MariaDB.
pub(crate) fn database_url() -> String {
    MARIADB.create_database().unwrap()
}

/// A database with all tables.
pub(crate) async fn migrated(url: &str) -> MySqlPool {
    let pool = database::pool(url).unwrap();
    database::migrate(url, &pool).await.unwrap();
    pool
}

/// A Redis, an engine and a database. The engine's clock stands at [`T0`] until the test moves it.
pub(crate) struct World {
    pub(crate) redis: Arc<RedisServer>,
    pub(crate) engine: Engine,
    pub(crate) clock: ShardClock,
    pub(crate) url: String,
    pub(crate) pool: MySqlPool,
}

/// On the shared MariaDB.
pub(crate) async fn world() -> World {
    world_on(&MARIADB).await
}

/// On a MariaDB of the test's own.
pub(crate) async fn world_on(mariadb: &MariaDbServer) -> World {
    let url = mariadb.create_database().unwrap();
    let redis = Arc::new(RedisServer::builder().start().unwrap());
    let clock = ShardClock::manual(T0);
    let engine = engine_on(&redis, ProjectionMode::None, clock.clone()).await;
    World {
        pool: migrated(&url).await,
        redis,
        engine,
        clock,
        url,
    }
}

/// An engine on a Redis that runs, though it may take its time.
pub(crate) async fn engine_on(
    redis: &RedisServer,
    projection: ProjectionMode,
    clock: ShardClock,
) -> Engine {
    let config = EngineConfig {
        durability: Durability::None,
        projection,
        clock,
        // On a busy machine a late answer is no missing one.
        call_timeout: Duration::from_secs(15),
        ..EngineConfig::new(&redis.url())
    };
    let mut engine = None;
    eventually("redis can be reached", async || {
        engine = Engine::connect(config.clone()).await.ok();
        engine.is_some()
    })
    .await;
    let engine = engine.unwrap();
    // Opens the first connection of the pool, which may take two seconds at most: a busy machine
    // misses that now and then.
    eventually("redis can be asked", async || {
        let asked = engine.status(S, soon()).await;
        !matches!(asked, Err(Fault::Unavailable(_)))
    })
    .await;
    engine
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Waits until `condition` holds; panics with `what` when it does not come to hold.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < late, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl World {
    /// The cursor row of a projection that has nothing yet, of a shard in its first epoch.
    pub(crate) async fn attach(&self) -> cursor::Cursor {
        let epoch = self.engine.gate(S).unwrap();
        sqlx::query(
            "INSERT INTO journal_cursor
               (shard, lineage, epoch, n, entry_at, issued_epoch, state, updated_at)
             VALUES (0, REPEAT('0', 32), 0, 0, NOW(3), ?, 'FOLLOWING', NOW(3))",
        )
        .bind(epoch.0)
        .execute(&self.pool)
        .await
        .unwrap();
        self.cursor().await
    }

    pub(crate) async fn cursor(&self) -> cursor::Cursor {
        cursor::read(&self.pool, S).await.unwrap().unwrap()
    }

    /// Sends Redis a command around the engine.
    pub(crate) fn raw<A: AsRef<[u8]>>(&self, args: &[A]) -> Reply {
        self.redis.command(args).unwrap()
    }

    /// Names of all keys of the shard that begin so, without what all begin with.
    pub(crate) fn keys(&self, kind: &str) -> Vec<String> {
        let prefix = k(kind);
        let reply = self.raw(&["KEYS", &format!("{prefix}*")]);
        let names = reply
            .items()
            .unwrap()
            .iter()
            .map(|name| name.text().unwrap());
        let mut names: Vec<_> = names.map(|name| name[prefix.len()..].to_owned()).collect();
        names.sort();
        names
    }

    /// The bytes of a string key.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match self.raw(&["GET", &k(name)]) {
            Reply::Bulk(bytes) => Some(bytes),
            Reply::Nil
            | Reply::Status(_)
            | Reply::Integer(_)
            | Reply::Array(_)
            | Reply::Error(_) => None,
        }
    }

    /// Fields and values of a hash.
    pub(crate) fn hash(&self, name: &str) -> Vec<(String, String)> {
        let reply = self.raw(&["HGETALL", &k(name)]);
        let texts: Vec<_> = reply
            .items()
            .unwrap()
            .iter()
            .map(|item| item.text().unwrap())
            .collect();
        let pairs = texts
            .chunks(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()));
        pairs.collect()
    }

    /// Creates a stock, or sets it to what was counted, with an operation of its own.
    pub(crate) async fn put(&self, operation: &str, stock: &str, on_hand: u64) {
        let count = count(operation, stock, on_hand);
        self.engine.count(S, &count, soon()).await.unwrap().unwrap();
    }

    pub(crate) async fn reserve(&self, id: &str, items: &[(&str, u32)]) {
        let command = reserve(id, items);
        self.engine
            .reserve(S, &command, soon())
            .await
            .unwrap()
            .unwrap();
    }
}

// === names ===

/// A key of the shard.
pub(crate) fn k(name: &str) -> String {
    format!("inv:{{s0}}:{name}")
}

pub(crate) fn rid(text: &str) -> ReservationId {
    ReservationId::derived(text).unwrap()
}

pub(crate) fn oid(text: &str) -> OperationId {
    OperationId::derived(text).unwrap()
}

/// `sku`, or `location|sku`.
pub(crate) fn key(text: &str) -> StockKey {
    let (location, name) = text.split_once('|').unwrap_or(("default", text));
    StockKey {
        location: Location::parse(location).unwrap(),
        sku: Sku::parse(name).unwrap(),
    }
}

pub(crate) fn lines(items: &[(&str, u32)]) -> Lines {
    let line = |&(item, quantity): &(&str, u32)| {
        let StockKey { location, sku } = key(item);
        Line {
            sku,
            location,
            quantity,
        }
    };
    Lines::summed(items.iter().map(line).collect()).unwrap()
}

// === commands ===

pub(crate) fn reserve(id: &str, items: &[(&str, u32)]) -> Reserve {
    Reserve {
        id: rid(id),
        lines: lines(items),
        ttl_ms: 900_000,
        order: None,
        customer: None,
        metadata: None,
        context: Context::default(),
    }
}

pub(crate) fn confirm(id: &str) -> Confirm {
    Confirm {
        id: rid(id),
        lines: None,
        reacquire: false,
        context: Context::default(),
    }
}

pub(crate) fn release(id: &str) -> Release {
    Release {
        id: rid(id),
        reason: None,
        tombstone: false,
        context: Context::default(),
    }
}

pub(crate) fn adjust(operation: &str, stock: &str, delta: i64) -> Adjust {
    Adjust {
        operation: oid(operation),
        key: key(stock),
        delta,
        reason: None,
        context: Context::default(),
    }
}

pub(crate) fn count(operation: &str, stock: &str, on_hand: u64) -> Count {
    Count {
        operation: oid(operation),
        key: key(stock),
        on_hand,
        expected_version: None,
        limit: LimitChange::Keep,
        reason: None,
        context: Context::default(),
    }
}

/// A generator of numbers that says its seed, so that a failure can be run again.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// xorshift64*
    pub(crate) const fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}
