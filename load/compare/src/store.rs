//! A private Redis with stock in it, put there by the engine.

use std::time::{Duration, Instant};

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    Context, Count, LimitChange, Line, Lines, Location, OperationId, ReservationId, Reserve,
    ShardId, Sku, StockKey,
    engine::{Engine, EngineConfig, ProjectionMode},
};

use crate::cell::Setting;

/// Units of each SKU: never sold out while measuring.
const ON_HAND: u64 = 1_000_000_000;
const HOLDS_PER_CALL: u32 = 128;
const STOCKS_PER_READ: usize = 256;
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A Redis with SKUs in it.
#[derive(Debug)]
pub struct Store {
    /// Its process.
    pub redis: RedisServer,
    skus: Vec<Sku>,
    url: String,
}

/// The name of a SKU, from 0: 12 digits, as redis-benchmark writes the numbers that it draws.
#[must_use]
pub fn sku_name(number: u32) -> String {
    format!("sku-{number:012}")
}

impl Store {
    /// Starts one with `skus` SKUs; the open holds are spread over them.
    ///
    /// # Errors
    /// What did not start.
    pub fn start(skus: u32, setting: Setting) -> Result<Self, String> {
        let appendonly = if setting.durable {
            Appendonly::Always
        } else {
            Appendonly::Everysec
        };
        // A rewrite of the AOF would fall into one measurement or another: at 64 MiB, by default.
        let redis = RedisServer::builder()
            .appendonly(appendonly)
            .arg("auto-aof-rewrite-percentage", "0")
            .tcp()
            .start()
            .map_err(|error| error.to_string())?;
        let tcp = redis.tcp_url().filter(|_| setting.tcp);
        let url = tcp.unwrap_or_else(|| redis.url());
        let skus = (0..skus)
            .map(|number| Sku::parse(&sku_name(number)).map_err(|error| error.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        block_on(async {
            let engine = connect(&redis.url()).await?;
            count_all(&engine, &skus).await?;
            hold(&engine, &skus, setting.open_holds).await
        })?;
        Ok(Self { redis, skus, url })
    }

    /// Where servers are told to find it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Units that are reserved, over all SKUs.
    ///
    /// # Errors
    /// Redis does not answer, or has lost a SKU.
    pub fn reserved_units(&self) -> Result<u64, String> {
        block_on(async {
            let engine = connect(&self.redis.url()).await?;
            let mut units = 0_u64;
            for skus in self.skus.chunks(STOCKS_PER_READ) {
                let keys: Vec<StockKey> = skus.iter().map(stock_key).collect();
                let deadline = Instant::now() + CALL_TIMEOUT;
                let read = engine.stock(ShardId::ZERO, &keys, deadline).await;
                for stock in read.map_err(|fault| fault.to_string())?.stocks {
                    units += stock.ok_or("a SKU is gone")?.reserved;
                }
            }
            Ok(units)
        })
    }
}

/// Counts each of the SKUs, which makes it.
///
/// # Errors
/// What was refused.
pub async fn count_all(engine: &Engine, skus: &[Sku]) -> Result<(), String> {
    for sku in skus {
        let id = OperationId::parse(&format!("seed-{sku}")).map_err(|error| error.to_string())?;
        let count = Count {
            operation: id,
            key: stock_key(sku),
            on_hand: ON_HAND,
            expected_version: None,
            limit: LimitChange::Keep,
            reason: None,
            context: Context::default(),
        };
        let deadline = Instant::now() + CALL_TIMEOUT;
        let outcome = engine.count(ShardId::ZERO, &count, deadline).await;
        outcome
            .map_err(|error| error.to_string())?
            .map_err(|refusal| format!("{refusal:?}"))?;
    }
    Ok(())
}

/// Takes holds that stay open while others are measured, spread over the SKUs.
///
/// # Errors
/// What was refused.
pub async fn hold(engine: &Engine, skus: &[Sku], open_holds: u32) -> Result<(), String> {
    let mut names = skus.iter().map(Sku::as_str).cycle();
    for first in (0..open_holds).step_by(HOLDS_PER_CALL as usize) {
        let commands = (first..open_holds.min(first + HOLDS_PER_CALL))
            .zip(&mut names)
            .map(|(number, sku)| one_line(&format!("open-{number}"), sku))
            .collect::<Result<Vec<_>, _>>()?;
        let deadline = Instant::now() + CALL_TIMEOUT;
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

/// An engine that opens its shard by itself.
///
/// # Errors
/// Redis does not answer.
pub async fn connect(url: &str) -> Result<Engine, String> {
    let config = EngineConfig {
        projection: ProjectionMode::None,
        ..EngineConfig::new(url)
    };
    Engine::connect(config)
        .await
        .map_err(|error| error.to_string())
}

fn stock_key(sku: &Sku) -> StockKey {
    StockKey {
        location: Location::default(),
        sku: sku.clone(),
    }
}

/// Runs a few calls of the engine.
///
/// # Errors
/// Theirs, or the system has no threads left.
pub fn block_on<T>(calls: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(calls)
}
