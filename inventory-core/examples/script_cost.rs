//! What the scripts cost Redis itself: `usec_per_call` of `INFO commandstats` and process CPU.
use std::time::{Duration, Instant};

use devstack::redis::RedisServer;
use inventory_core::{
    engine::{Durability, Engine, EngineConfig, ProjectionMode},
    *,
};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for (batch, skus) in [(1, 1), (1, 1000), (32, 1), (32, 1000), (64, 1), (64, 1000), (128, 1000)] {
        let redis = RedisServer::builder().appendonly(devstack::redis::Appendonly::Everysec).start().unwrap();
        let config = EngineConfig {
            durability: Durability::Everysec,
            projection: ProjectionMode::None,
            call_timeout: Duration::from_secs(5),
            ..EngineConfig::new(&redis.url())
        };
        let engine = Engine::connect(config).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        for sku in 0..skus {
            let count = Count {
                operation: OperationId::parse(&format!("op-{sku}")).unwrap(),
                key: StockKey { location: Location::default(), sku: Sku::parse(&format!("sku-{sku}")).unwrap() },
                on_hand: 1_000_000_000, expected_version: None, limit: LimitChange::Keep, reason: None,
                context: Context::default(),
            };
            engine.count(ShardId::ZERO, &count, deadline).await.unwrap().unwrap();
        }
        redis.command(&["CONFIG", "RESETSTAT"]).unwrap();
        let cpu = |r: &RedisServer| -> f64 {
            let t = r.command(&["INFO", "cpu"]).unwrap().text().unwrap();
            t.lines().filter(|l| l.starts_with("used_cpu_sys:") || l.starts_with("used_cpu_user:"))
                .map(|l| l.split(':').nth(1).unwrap().trim().parse::<f64>().unwrap()).sum()
        };
        let before = cpu(&redis);
        let total = 100_000usize;
        let started = Instant::now();
        let mut made = 0usize;
        let mut best = f64::MAX;
        while made < total {
            if made % (batch * (2048 / batch)) == 0 { redis.command(&["CONFIG", "RESETSTAT"]).unwrap(); }
            let commands: Vec<Reserve> = (0..batch).map(|i| { let k = made + i; Reserve {
                id: ReservationId::parse(&format!("r-{k:012}")).unwrap(),
                lines: Lines::summed(vec![Line { sku: Sku::parse(&format!("sku-{}", (k * 7919) % skus)).unwrap(), location: Location::default(), quantity: 1 }]).unwrap(),
                ttl_ms: 900_000, order: None, customer: None, metadata: None,
                context: Context { request_id: Some(Text::parse("0123456789abcdef").unwrap()), ..Context::default() },
            }}).collect();
            for r in engine.reserve_batch(ShardId::ZERO, &commands, deadline).await { r.unwrap().unwrap(); }
            made += batch;
            if made % (batch * (2048 / batch)) == 0 {
                let stats = redis.command(&["INFO", "commandstats"]).unwrap().text().unwrap();
                let eval = stats.lines().find(|l| l.starts_with("cmdstat_evalsha:")).unwrap_or_default();
                let per: f64 = eval.split("usec_per_call=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
                best = best.min(per / batch as f64);
            }
        }
        let elapsed = started.elapsed();
        let memory = redis.command(&["INFO", "memory"]).unwrap().text().unwrap();
        let used = memory.lines().find(|l| l.starts_with("used_memory:")).unwrap();
        eprintln!("best {best:>5.2} us/res in script; batch {batch:>3} skus {skus:>4}: {:>7.0}/s  redis cpu {:>5.1} us/res {used}", made as f64 / elapsed.as_secs_f64(), (cpu(&redis) - before) * 1e6 / made as f64);
    }
}
