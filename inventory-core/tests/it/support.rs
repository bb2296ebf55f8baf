//! A private Redis, an engine on it, and short names for commands.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use devstack::redis::{Appendonly, Builder, RedisServer, Reply};
use inventory_core::{
    engine::{
        ConnectError, Counted, Durability, Engine, EngineConfig, Held, ProjectionMode, ShardClock,
        Swept,
    },
    limits::REAP_MAX,
    *,
};

pub(crate) const S: ShardId = ShardId::ZERO;
pub(crate) const T0: TimestampMs = TimestampMs(1_800_000_000_000);
/// How long a condition may take to come true; far longer than it ever should.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Store {
    pub(crate) redis: Arc<RedisServer>,
    pub(crate) engine: Engine,
    pub(crate) clock: ShardClock,
}

pub(crate) fn soon() -> Instant {
    within(20_000)
}

pub(crate) fn within(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// Waits until `condition` holds; panics with `what` when it does not come to hold.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < late, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn config(redis: &RedisServer) -> EngineConfig {
    EngineConfig {
        durability: Durability::None,
        projection: ProjectionMode::None,
        // On a busy machine a late answer is no missing one.
        call_timeout: Duration::from_secs(15),
        ..EngineConfig::new(&redis.url())
    }
}

pub(crate) fn plain_redis() -> Arc<RedisServer> {
    Arc::new(RedisServer::builder().start().unwrap())
}

/// One that others can replicate, and that does not wait for more of them.
pub(crate) fn redis_to_copy() -> Builder {
    RedisServer::builder()
        .tcp()
        .arg("repl-diskless-sync-delay", "0")
}

pub(crate) fn redis_with_aof(appendonly: Appendonly) -> Arc<RedisServer> {
    let redis = RedisServer::builder().appendonly(appendonly);
    Arc::new(redis.start().unwrap())
}

/// Connects to a Redis that runs, though it may take its time.
pub(crate) async fn connect(config: EngineConfig) -> Engine {
    let mut engine = None;
    eventually("redis can be reached", async || {
        engine = match Engine::connect(config.clone()).await {
            Err(ConnectError::Unreachable(_)) => None,
            connected => Some(connected.unwrap()),
        };
        engine.is_some()
    })
    .await;
    let engine = engine.unwrap();
    // Opens the first connection of the pool, which may take two seconds at most: a busy machine
    // misses that now and then.
    let mut tries = 0;
    while engine.gate(S).is_ok() && tries < 5 {
        let asked = engine.status(S, soon()).await;
        let again = matches!(asked, Err(Fault::Unavailable(_)));
        tries = if again { tries + 1 } else { 5 };
    }
    engine
}

/// An engine that opens nothing by itself.
pub(crate) async fn waiting(redis: &RedisServer) -> Engine {
    connect(EngineConfig {
        projection: ProjectionMode::Required,
        ..config(redis)
    })
    .await
}

/// A store whose clock stands at [`T0`] until the test moves it.
pub(crate) async fn store() -> Store {
    store_on(plain_redis()).await
}

pub(crate) async fn store_on(redis: Arc<RedisServer>) -> Store {
    let clock = ShardClock::manual(T0);
    let config = EngineConfig {
        clock: clock.clone(),
        ..config(&redis)
    };
    let engine = connect(config).await;
    Store {
        redis,
        engine,
        clock,
    }
}

/// A store on Redis's own clock.
pub(crate) async fn live_store() -> Store {
    live_store_on(plain_redis()).await
}

pub(crate) async fn live_store_on(redis: Arc<RedisServer>) -> Store {
    let engine = connect(config(&redis)).await;
    Store {
        redis,
        engine,
        clock: ShardClock::Redis,
    }
}

// === names ===

/// A key of the shard.
pub(crate) fn k(name: &str) -> String {
    format!("inv:{{s0}}:{name}")
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

pub(crate) fn rid(text: &str) -> ReservationId {
    ReservationId::derived(text).unwrap()
}

pub(crate) fn oid(text: &str) -> OperationId {
    OperationId::derived(text).unwrap()
}

pub(crate) fn text(text: &str) -> Option<Text> {
    Some(Text::parse(text).unwrap())
}

/// `sku`, or `location|sku`.
pub(crate) fn key(text: &str) -> StockKey {
    let (location, name) = text.split_once('|').unwrap_or(("default", text));
    StockKey {
        location: Location::parse(location).unwrap(),
        sku: sku(name),
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

pub(crate) fn reserve_for(id: &str, customer: &str, items: &[(&str, u32)]) -> Reserve {
    Reserve {
        customer: Some(CustomerId::parse(customer).unwrap()),
        ..reserve(id, items)
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

pub(crate) fn extend(id: &str, ttl_ms: u32) -> Extend {
    Extend {
        id: rid(id),
        ttl_ms,
        max_hold_ms: 86_400_000,
        context: Context::default(),
    }
}

pub(crate) fn give_back(id: &str, return_id: &str, items: &[(&str, u32)]) -> Return {
    Return {
        id: rid(id),
        return_id: oid(return_id),
        lines: (!items.is_empty()).then(|| lines(items)),
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

// === a store, asked as a test asks: a fault is a failure ===

impl Store {
    /// Creates a stock with an operation of its own.
    pub(crate) async fn put(&self, stock: &str, on_hand: u64) {
        let operation = format!("put-{}", stock.replace('|', ":"));
        self.count(&count(&operation, stock, on_hand))
            .await
            .unwrap();
    }

    pub(crate) async fn count(&self, command: &Count) -> Outcome<Counted> {
        self.engine.count(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn adjust(&self, command: &Adjust) -> Outcome<Stock> {
        self.engine.adjust(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn hold(&self, command: &Reserve) -> Outcome<Held> {
        self.engine.reserve(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn reserve(&self, id: &str, items: &[(&str, u32)]) -> Outcome<Held> {
        self.hold(&reserve(id, items)).await
    }

    pub(crate) async fn confirm(&self, command: &Confirm) -> Outcome<Reservation> {
        self.engine.confirm(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn release(&self, command: &Release) -> Outcome<Reservation> {
        self.engine.release(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn extend(&self, command: &Extend) -> Outcome<Reservation> {
        self.engine.extend(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn give_back(&self, command: &Return) -> Outcome<Reservation> {
        self.engine.return_goods(S, command, soon()).await.unwrap()
    }

    pub(crate) async fn sweep(&self) -> Swept {
        let bite = Expire { max: REAP_MAX };
        self.engine.expire(S, bite, soon()).await.unwrap()
    }

    /// The record of a reservation.
    pub(crate) async fn record(&self, id: &str) -> Option<Reservation> {
        let read = self.engine.reservation(S, &rid(id), soon()).await.unwrap();
        read.map(|read| read.reservation)
    }

    pub(crate) async fn status_of(&self, id: &str) -> Option<Status> {
        self.record(id).await.map(|record| record.status)
    }

    pub(crate) async fn stock(&self, stock: &str) -> Option<Stock> {
        let read = self.engine.stock(S, &[key(stock)], soon()).await.unwrap();
        read.stocks.into_iter().next().unwrap()
    }

    /// available, reserved, sold
    pub(crate) async fn figures(&self, stock: &str) -> (u64, u64, u64) {
        let stock = self.stock(stock).await.unwrap();
        (stock.available, stock.reserved, stock.sold)
    }

    pub(crate) async fn lost_entries(&self) -> u64 {
        let status = self.engine.status(S, soon()).await.unwrap();
        status.lost_entries
    }

    /// Sends Redis a command around the engine.
    pub(crate) fn raw<A: AsRef<[u8]> + Debug>(&self, args: &[A]) -> Reply {
        raw(&self.redis, args)
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.engine.gate(S).unwrap()
    }

    /// Waits until the engine is in an epoch after `before`.
    pub(crate) async fn in_epoch_after(&self, before: Epoch) -> Epoch {
        in_epoch_after(&self.engine, before).await
    }

    /// Everything that Redis holds, to see that something changed nothing.
    pub(crate) fn dump(&self) -> BTreeMap<String, Option<Vec<u8>>> {
        dump(&self.redis)
    }
}

pub(crate) fn raw<A: AsRef<[u8]> + Debug>(redis: &RedisServer, args: &[A]) -> Reply {
    let shown = || args.iter().map(|a| String::from_utf8_lossy(a.as_ref()));
    redis
        .command(args)
        .unwrap_or_else(|error| panic!("{:?}: {error}", shown().collect::<Vec<_>>()))
}

pub(crate) fn bulk(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Bulk(bytes) => Some(bytes),
        Reply::Nil => None,
        Reply::Status(_) | Reply::Integer(_) | Reply::Array(_) | Reply::Error(_) => {
            panic!("no bulk: {reply:?}")
        }
    }
}

/// A field of INFO.
pub(crate) fn info(redis: &RedisServer, field: &str) -> String {
    let text = raw(redis, &["INFO", "everything"]).text().unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("INFO has no {field}"))
        .to_owned()
}

pub(crate) fn names(redis: &RedisServer) -> Vec<String> {
    let keys = raw(redis, &["KEYS", "*"]);
    let name = |reply: &Reply| reply.text().unwrap();
    let mut names: Vec<_> = keys.items().unwrap().iter().map(name).collect();
    names.sort();
    names
}

pub(crate) fn dump(redis: &RedisServer) -> BTreeMap<String, Option<Vec<u8>>> {
    let dump = |name: String| {
        let bytes = bulk(raw(redis, &["DUMP", &name]));
        (name, bytes)
    };
    names(redis).into_iter().map(dump).collect()
}

pub(crate) async fn in_epoch_after(engine: &Engine, before: Epoch) -> Epoch {
    let mut epoch = None;
    eventually("the shard is open in a later epoch", async || {
        // A call notices at once what the gate would notice within seconds.
        let _ = engine.reservation(S, &rid("nobody"), within(200)).await;
        epoch = engine.gate(S).ok().filter(|epoch| *epoch > before);
        epoch.is_some()
    })
    .await;
    epoch.unwrap()
}

/// A generator of numbers that says its seed, so that a failure can be run again.
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
