//! A private Redis, an engine on it, and short names for commands.

use std::time::{Duration, Instant};

use devstack::redis::RedisServer;
use inventory_core::{
    engine::{Durability, Engine, EngineConfig, Held, ProjectionMode, ShardClock},
    *,
};

pub(crate) const S: ShardId = ShardId::ZERO;

pub(crate) struct Store {
    pub(crate) redis: RedisServer,
    pub(crate) engine: Engine,
    pub(crate) clock: ShardClock,
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

pub(crate) fn config(redis: &RedisServer) -> EngineConfig {
    EngineConfig {
        durability: Durability::None,
        projection: ProjectionMode::None,
        ..EngineConfig::new(&redis.url())
    }
}

/// A store whose clock stands until the test moves it.
pub(crate) async fn store() -> Store {
    let redis = RedisServer::builder().start().unwrap();
    let clock = ShardClock::manual(TimestampMs(1_800_000_000_000));
    let engine = Engine::connect(EngineConfig {
        clock: clock.clone(),
        ..config(&redis)
    })
    .await;
    Store {
        engine: engine.unwrap(),
        redis,
        clock,
    }
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

pub(crate) fn rid(text: &str) -> ReservationId {
    ReservationId::parse(text).unwrap()
}

pub(crate) fn key(text: &str) -> StockKey {
    StockKey {
        location: Location::default(),
        sku: sku(text),
    }
}

pub(crate) fn lines(items: &[(&str, u32)]) -> Lines {
    let line = |(sku, quantity): &(&str, u32)| Line {
        sku: Sku::parse(sku).unwrap(),
        location: Location::default(),
        quantity: *quantity,
    };
    Lines::summed(items.iter().map(line).collect()).unwrap()
}

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

impl Store {
    pub(crate) async fn put(&self, sku: &str, on_hand: u64) {
        let count = Count {
            operation: OperationId::parse(&format!("put-{sku}")).unwrap(),
            key: key(sku),
            on_hand,
            expected_version: None,
            limit: LimitChange::Keep,
            reason: None,
            context: Context::default(),
        };
        self.engine.count(S, &count, soon()).await.unwrap().unwrap();
    }

    pub(crate) async fn reserve(&self, id: &str, items: &[(&str, u32)]) -> Outcome<Held> {
        self.engine
            .reserve(S, &reserve(id, items), soon())
            .await
            .unwrap()
    }

    /// available, reserved, sold
    pub(crate) async fn figures(&self, sku: &str) -> (u64, u64, u64) {
        let read = self.engine.stock(S, &[key(sku)], soon()).await.unwrap();
        let stock = read.stocks[0].clone().unwrap();
        (stock.available, stock.reserved, stock.sold)
    }
}
