//! What is measured: each on a Redis of its own, AOF everysec, over the same unix socket.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use devstack::{
    process::ServerProcess,
    redis::{Appendonly, RedisServer},
};
use inventory_core::{
    Context, Count, LimitChange, Line, Lines, Location, OperationId, ReservationId, Reserve,
    ShardId, Sku, StockKey,
    engine::{Engine, EngineConfig, ProjectionMode},
};

/// Units of each SKU: never sold out while measuring.
const ON_HAND: u64 = 1_000_000_000;
const HOLDS_PER_CALL: usize = 128;

/// One way to serve reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// inventory-server.
    Server,
    /// axum + bb8-redis + one EVALSHA per request.
    Plain,
    /// A fixed answer, and no store.
    Hello,
}

impl Target {
    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "inventory-server",
            Self::Plain => "plain (axum + bb8 + EVALSHA)",
            Self::Hello => "hello-world",
        }
    }
}

/// A target that runs.
#[derive(Debug)]
pub struct Running {
    /// Its Redis.
    pub redis: RedisServer,
    /// Its process.
    pub process: ServerProcess,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A private Redis with AOF everysec, `skus` SKUs in it and `open_holds` holds on the first.
///
/// # Errors
/// What did not start.
pub fn store(skus: u32, open_holds: u32) -> Result<RedisServer, String> {
    let redis = RedisServer::builder()
        .appendonly(Appendonly::Everysec)
        .start();
    let redis = redis.map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(seed(&redis.url(), skus, open_holds))?;
    Ok(redis)
}

async fn seed(url: &str, skus: u32, open_holds: u32) -> Result<(), String> {
    let config = EngineConfig {
        projection: ProjectionMode::None,
        ..EngineConfig::new(url)
    };
    let engine = Engine::connect(config)
        .await
        .map_err(|error| error.to_string())?;
    for number in 1..=skus {
        let id = |text: String| OperationId::parse(&text).map_err(|error| error.to_string());
        let count = Count {
            operation: id(format!("seed-{number}"))?,
            key: StockKey {
                location: Location::default(),
                sku: Sku::parse(&format!("sku-{number}")).map_err(|error| error.to_string())?,
            },
            on_hand: ON_HAND,
            expected_version: None,
            limit: LimitChange::Keep,
            reason: None,
            context: Context::default(),
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        let outcome = engine.count(ShardId::ZERO, &count, deadline).await;
        outcome
            .map_err(|error| error.to_string())?
            .map_err(|refusal| format!("{refusal:?}"))?;
    }
    hold(&engine, open_holds).await
}

/// Holds that stay open while others are measured.
async fn hold(engine: &Engine, open_holds: u32) -> Result<(), String> {
    for first in (0..open_holds).step_by(HOLDS_PER_CALL) {
        let commands = (first..open_holds)
            .take(HOLDS_PER_CALL)
            .map(|number| one_line(&format!("open-{number}"), "sku-1"))
            .collect::<Result<Vec<_>, _>>()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        for answer in engine
            .reserve_batch(ShardId::ZERO, &commands, deadline)
            .await
        {
            let held = answer.map_err(|fault| fault.to_string())?;
            held.map_err(|refusal| format!("{refusal:?}"))?;
        }
    }
    Ok(())
}

/// A hold of one unit for a day.
///
/// # Errors
/// What is wrong with the ids.
pub fn one_line(id: &str, sku: &str) -> Result<Reserve, String> {
    let line = Line {
        sku: Sku::parse(sku).map_err(|error| error.to_string())?,
        location: Location::default(),
        quantity: 1,
    };
    Ok(Reserve {
        id: ReservationId::parse(id).map_err(|error| error.to_string())?,
        lines: Lines::summed(vec![line]).map_err(|error| error.to_string())?,
        ttl_ms: 86_400_000,
        order: None,
        customer: None,
        metadata: None,
        context: Context::default(),
    })
}

/// Starts a target on a store of its own.
///
/// # Errors
/// What did not start.
pub fn start(target: Target, skus: u32, open_holds: u32) -> Result<Running, String> {
    let redis = store(skus, open_holds)?;
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let bin = |name: &str| here.with_file_name(name);
    let process = match target {
        Target::Server => ServerProcess::builder(bin("inventory-server"))
            .without_env("INVENTORY_")
            .args(["--listen", "127.0.0.1:0", "--redis-url", &redis.url()])
            .args(["--projection", "none", "--log", "text"]),
        Target::Plain => {
            ServerProcess::builder(bin("compare-plain")).args(["127.0.0.1:0", &redis.url()])
        }
        Target::Hello => ServerProcess::builder(bin("compare-hello")).args(["127.0.0.1:0"]),
    };
    let process = process.start().map_err(|error| error.to_string())?;
    let line = process
        .wait_for_line(|line| line.contains("listening"), Duration::from_secs(20))
        .map_err(|error| error.to_string())?;
    let address = line.split("address=").nth(1).and_then(|rest| {
        rest.trim_matches('"')
            .split([' ', '"'])
            .next()?
            .parse()
            .ok()
    });
    let address = address.ok_or_else(|| format!("no address in {line:?}"))?;
    Ok(Running {
        redis,
        process,
        address,
    })
}
