//! Every script through the engine, on a private Redis with AOF everysec over a unix socket.
//! `cargo bench -p inventory-core`; the table is kept in `load/results/criterion.md`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{Engine, EngineConfig, Held, ProjectionMode, ShardClock},
    limits::REAP_MAX,
    *,
};
use tokio::runtime::Runtime;

const S: ShardId = ShardId::ZERO;
const ON_HAND: u64 = 1_000_000_000_000;
const BATCH: usize = 64;
static NEXT: AtomicU64 = AtomicU64::new(0);

struct Bench {
    runtime: Runtime,
    engine: Engine,
    clock: ShardClock,
    _redis: RedisServer,
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn sku(number: u64) -> Sku {
    Sku::parse(&format!("sku-{number}")).unwrap()
}

fn key(number: u64) -> StockKey {
    StockKey {
        location: Location::default(),
        sku: sku(number),
    }
}

impl Bench {
    fn new(skus: u64) -> Self {
        let redis = RedisServer::builder()
            .appendonly(Appendonly::Everysec)
            .start()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let clock = ShardClock::manual(TimestampMs(1_800_000_000_000));
        let config = EngineConfig {
            projection: ProjectionMode::None,
            clock: clock.clone(),
            ..EngineConfig::new(&redis.url())
        };
        let engine = runtime.block_on(Engine::connect(config)).unwrap();
        let bench = Self {
            runtime,
            engine,
            clock,
            _redis: redis,
        };
        for number in 0..skus {
            bench.runtime.block_on(bench.count(number));
        }
        bench
    }

    async fn count(&self, number: u64) {
        let count = Count {
            operation: OperationId::parse(&format!("count-{}", next())).unwrap(),
            key: key(number),
            on_hand: ON_HAND,
            expected_version: None,
            limit: LimitChange::Keep,
            reason: None,
            context: Context::default(),
        };
        self.engine.count(S, &count, soon()).await.unwrap().unwrap();
    }

    async fn held(&self, how_many: u64) -> Vec<ReservationId> {
        let mut ids = Vec::new();
        while (ids.len() as u64) < how_many {
            let commands: Vec<Reserve> = (0..BATCH).map(|_| reserve(1, 1)).collect();
            for (command, held) in commands
                .iter()
                .zip(self.engine.reserve_batch(S, &commands, soon()).await)
            {
                held.unwrap().unwrap();
                ids.push(command.id.clone());
            }
        }
        ids.truncate(usize::try_from(how_many).unwrap());
        ids
    }

    /// Times `how_many` calls of an operation, each on a hold of its own.
    async fn on_holds(
        &self,
        how_many: u64,
        confirmed: bool,
        operation: impl AsyncFn(&Engine, &ReservationId),
    ) -> Duration {
        let ids = self.held(how_many).await;
        if confirmed {
            for id in &ids {
                self.engine
                    .confirm(S, &confirm(id), soon())
                    .await
                    .unwrap()
                    .unwrap();
            }
        }
        let started = Instant::now();
        for id in &ids {
            operation(&self.engine, id).await;
        }
        started.elapsed()
    }
}

fn reserve(skus: u64, lines: u64) -> Reserve {
    let id = next();
    let line = |number| Line {
        sku: sku((id * 7919 + number) % skus),
        location: Location::default(),
        quantity: 1,
    };
    Reserve {
        id: ReservationId::parse(&format!("r-{id}")).unwrap(),
        lines: Lines::summed((0..lines).map(line).collect()).unwrap(),
        ttl_ms: 900_000,
        order: None,
        customer: None,
        metadata: None,
        context: Context::default(),
    }
}

fn confirm(id: &ReservationId) -> Confirm {
    Confirm {
        id: id.clone(),
        lines: None,
        reacquire: false,
        context: Context::default(),
    }
}

fn reserves(c: &mut Criterion) {
    let mut group = c.benchmark_group("reserve");
    for (skus, lines) in [(1, 1), (1_000, 1), (1_000, 10)] {
        let bench = Bench::new(skus);
        let name = format!("{skus} SKUs, {lines} lines");
        for batch in [1, BATCH] {
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(format!("batch of {batch}"), &name), |b| {
                b.to_async(&bench.runtime).iter_custom(async |iterations| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..iterations {
                        let commands: Vec<Reserve> =
                            (0..batch).map(|_| reserve(skus, lines)).collect();
                        let started = Instant::now();
                        let answers = bench.engine.reserve_batch(S, &commands, soon()).await;
                        spent += started.elapsed();
                        let new = |a: Result<Outcome<Held>, Fault>| !a.unwrap().unwrap().replayed;
                        assert!(answers.into_iter().all(new));
                    }
                    spent
                });
            });
        }
    }
    group.finish();
}

fn lifecycle(c: &mut Criterion) {
    let bench = Bench::new(1);
    let mut group = c.benchmark_group("lifecycle");
    let runtime = &bench.runtime;
    group.bench_function("confirm", |b| {
        b.to_async(runtime).iter_custom(|n| {
            bench.on_holds(n, false, async |engine, id| {
                engine
                    .confirm(S, &confirm(id), soon())
                    .await
                    .unwrap()
                    .unwrap();
            })
        });
    });
    group.bench_function("release", |b| {
        b.to_async(runtime).iter_custom(|n| {
            bench.on_holds(n, false, async |engine, id| {
                let command = Release {
                    id: id.clone(),
                    reason: None,
                    tombstone: false,
                    context: Context::default(),
                };
                engine.release(S, &command, soon()).await.unwrap().unwrap();
            })
        });
    });
    group.bench_function("extend", |b| {
        b.to_async(runtime).iter_custom(|n| {
            bench.on_holds(n, false, async |engine, id| {
                let command = Extend {
                    id: id.clone(),
                    ttl_ms: 1_000_000,
                    max_hold_ms: 86_400_000,
                    context: Context::default(),
                };
                engine.extend(S, &command, soon()).await.unwrap().unwrap();
            })
        });
    });
    group.bench_function("return", |b| {
        b.to_async(runtime).iter_custom(|n| {
            bench.on_holds(n, true, async |engine, id| {
                let command = Return {
                    id: id.clone(),
                    return_id: OperationId::parse("ret-1").unwrap(),
                    lines: None,
                    context: Context::default(),
                };
                engine
                    .return_goods(S, &command, soon())
                    .await
                    .unwrap()
                    .unwrap();
            })
        });
    });
    group.bench_function("read a reservation", |b| {
        b.to_async(runtime).iter_custom(|n| {
            bench.on_holds(n, false, async |engine, id| {
                assert!(engine.reservation(S, id, soon()).await.unwrap().is_some());
            })
        });
    });
    group.finish();
}

fn stock(c: &mut Criterion) {
    let bench = Bench::new(1_000);
    let mut group = c.benchmark_group("stock");
    group.bench_function("adjust", |b| {
        b.to_async(&bench.runtime).iter(async || {
            let command = Adjust {
                operation: OperationId::parse(&format!("adjust-{}", next())).unwrap(),
                key: key(0),
                delta: 1,
                reason: None,
                context: Context::default(),
            };
            bench
                .engine
                .adjust(S, &command, soon())
                .await
                .unwrap()
                .unwrap();
        });
    });
    group.bench_function("count", |b| {
        b.to_async(&bench.runtime)
            .iter(async || bench.count(0).await);
    });
    for how_many in [1, 64] {
        let keys: Vec<StockKey> = (0..how_many).map(key).collect();
        group.throughput(Throughput::Elements(how_many));
        group.bench_function(BenchmarkId::new("read", how_many), |b| {
            b.to_async(&bench.runtime)
                .iter(async || bench.engine.stock(S, &keys, soon()).await.unwrap());
        });
    }
    group.finish();
}

fn expire(c: &mut Criterion) {
    let bench = Bench::new(1);
    let mut group = c.benchmark_group("expire");
    group.sample_size(10);
    group.throughput(Throughput::Elements(REAP_MAX as u64));
    group.bench_function(BenchmarkId::new("bite of", REAP_MAX), |b| {
        b.to_async(&bench.runtime).iter_custom(async |iterations| {
            bench.held(iterations * REAP_MAX as u64).await;
            bench.clock.advance_ms(2_000_000);
            let started = Instant::now();
            for _ in 0..iterations {
                let swept = bench
                    .engine
                    .expire(S, Expire { max: REAP_MAX }, soon())
                    .await
                    .unwrap();
                assert_eq!(swept.expired, REAP_MAX);
            }
            started.elapsed()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_millis(500));
    targets = reserves, lifecycle, stock, expire
}
criterion_main!(benches);
