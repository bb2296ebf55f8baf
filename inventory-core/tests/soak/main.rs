//! A million open holds that fall due at once: what they cost while they are open, and how they are
//! worked off. Prints figures; what is asserted is that nothing is lost.
//!
//! `cargo dev soak`, or `cargo test --release -p inventory-core --features soak --test soak --
//! --nocapture`.

#[cfg(test)]
mod million {
    use std::time::{Duration, Instant};

    use devstack::redis::{Appendonly, RedisServer};
    use inventory_core::{
        engine::{Durability, Engine, EngineConfig, ProjectionMode, ShardClock},
        limits::{LINES_MAX, PURGE_MAX, REAP_MAX, SWEEP_MAX},
        *,
    };

    const S: ShardId = ShardId::ZERO;
    const HOLDS: u64 = 1_000_000;
    const TTL_MS: u32 = 900_000;
    /// Reservations that wait together on a busy server.
    const BATCH: u64 = 32;
    /// Holds of one measurement of the throughput, and how many there are.
    const SAMPLE: u64 = 8_000;
    const ROUNDS: u64 = 5;
    /// Holds that take the store over 2^20 keys.
    const GROWING: u64 = 60_000;

    struct Store {
        redis: RedisServer,
        engine: Engine,
        clock: ShardClock,
    }

    async fn store() -> Store {
        let redis = RedisServer::builder().appendonly(Appendonly::Everysec);
        let redis = redis.start().unwrap();
        let clock = ShardClock::manual(TimestampMs(1_800_000_000_000));
        let config = EngineConfig {
            durability: Durability::Everysec,
            projection: ProjectionMode::None,
            clock: clock.clone(),
            call_timeout: Duration::from_secs(10),
            ..EngineConfig::new(&redis.url())
        };
        let engine = Engine::connect(config).await.unwrap();
        Store {
            redis,
            engine,
            clock,
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn key(sku: &str) -> StockKey {
        StockKey {
            location: Location::default(),
            sku: Sku::parse(sku).unwrap(),
        }
    }

    fn reserve(id: &str, skus: &[StockKey], ttl_ms: u32) -> Reserve {
        let line = |key: &StockKey| Line {
            sku: key.sku.clone(),
            location: key.location.clone(),
            quantity: 1,
        };
        Reserve {
            id: ReservationId::parse(id).unwrap(),
            lines: Lines::summed(skus.iter().map(line).collect()).unwrap(),
            ttl_ms,
            order: None,
            customer: None,
            metadata: None,
            context: Context::default(),
        }
    }

    impl Store {
        async fn put(&self, key: &StockKey, on_hand: u64) {
            let count = Count {
                operation: OperationId::parse(&format!("put-{}", key.sku)).unwrap(),
                key: key.clone(),
                on_hand,
                expected_version: None,
                limit: LimitChange::Keep,
                reason: None,
                context: Context::default(),
            };
            self.engine.count(S, &count, soon()).await.unwrap().unwrap();
        }

        /// Takes holds of one unit, `per_call` in a call. Gives holds per second.
        async fn fill(&self, name: &str, holds: u64, per_call: u64, ttl_ms: u32) -> u64 {
            let skus = [key("sku-1")];
            let started = Instant::now();
            for first in (0..holds).step_by(usize::try_from(per_call).unwrap()) {
                let batch: Vec<_> = (first..holds.min(first + per_call))
                    .map(|i| reserve(&format!("{name}-{i:08}"), &skus, ttl_ms))
                    .collect();
                let answers = self.engine.reserve_batch(S, &batch, soon()).await;
                assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
            }
            per_second(holds, started.elapsed())
        }

        async fn figures(&self) -> (u64, u64) {
            let read = self.engine.stock(S, &[key("sku-1")], soon()).await.unwrap();
            let stock = read.stocks[0].clone().unwrap();
            (stock.available, stock.reserved)
        }

        fn watch(&self) {
            for (name, value) in [
                ("slowlog-log-slower-than", "500"),
                ("slowlog-max-len", "100000"),
                ("latency-monitor-threshold", "5"),
            ] {
                self.redis.command(&["CONFIG", "SET", name, value]).unwrap();
            }
            self.redis.command(&["SLOWLOG", "RESET"]).unwrap();
            self.redis.command(&["LATENCY", "RESET"]).unwrap();
        }

        /// The longest command since `watch`, as Redis measured it.
        fn longest_block(&self) -> Duration {
            let slow = self.redis.command(&["SLOWLOG", "GET", "-1"]).unwrap();
            let slow = slow.items().unwrap().iter();
            let micros = slow.map(|entry| entry.items().unwrap()[2].integer().unwrap());
            Duration::from_micros(u64::try_from(micros.max().unwrap_or(0)).unwrap())
        }

        /// What else held Redis up for 5 ms or more: event and longest, in ms.
        fn other_blocks(&self) -> String {
            let events = self.redis.command(&["LATENCY", "LATEST"]).unwrap();
            let events: Vec<String> = events
                .items()
                .unwrap()
                .iter()
                .map(|event| {
                    let parts = event.items().unwrap();
                    let name = parts[0].text().unwrap();
                    format!("{name} {} ms", parts[3].integer().unwrap())
                })
                .collect();
            if events.is_empty() {
                return "none".to_owned();
            }
            events.join(", ")
        }
    }

    fn per_second(count: u64, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap();
        count * 1_000_000 / micros.max(1)
    }

    fn row(what: &str, value: impl std::fmt::Display) {
        println!("| {what:<52} | {value:>16} |");
    }

    fn ms(time: Duration) -> String {
        format!("{:.2} ms", time.as_secs_f64() * 1e3)
    }

    fn median(mut samples: Vec<u64>) -> u64 {
        samples.sort_unstable();
        samples[samples.len() / 2]
    }

    #[tokio::test]
    async fn a_million_open_holds() {
        let full = store().await;
        full.put(&key("sku-1"), 10 * HOLDS).await;
        let filled = full.fill("hold", HOLDS, 128, TTL_MS).await;
        assert_eq!(full.figures().await, (9 * HOLDS, HOLDS));
        println!();
        row("holds taken a second, 128 in a call", filled);

        // In turn, so that whatever else the machine does falls on both.
        let (mut among_many, mut alone) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let name = format!("more-{round}");
            among_many.push(full.fill(&name, SAMPLE, BATCH, TTL_MS).await);
            let empty = store().await;
            empty.put(&key("sku-1"), HOLDS).await;
            alone.push(empty.fill(&name, SAMPLE, BATCH, TTL_MS).await);
        }
        row(
            "the same, 32 in a call, empty store (median of 5)",
            median(alone),
        );
        row(
            "the same, a million open holds (median of 5)",
            median(among_many),
        );

        // At 2^20 keys its tables double, and each command moves a part of them.
        let growing = full.fill("growing", GROWING, BATCH, TTL_MS).await;
        row("the same, while Redis moves to larger tables", growing);

        let total = HOLDS + ROUNDS * SAMPLE + GROWING;
        full.clock.advance_ms(u64::from(TTL_MS));
        full.watch();
        let started = Instant::now();
        let (mut longest, mut bites, mut expired) = (Duration::ZERO, 0_u64, 0);
        loop {
            let bite = Instant::now();
            let swept = full.engine.expire(S, Expire { max: SWEEP_MAX }, soon());
            let swept = swept.await.unwrap();
            assert_eq!(swept.corrupt, 0);
            longest = longest.max(bite.elapsed());
            expired += u64::try_from(swept.expired).unwrap();
            bites += 1;
            if swept.remaining == 0 {
                break;
            }
        }
        let time = started.elapsed();
        assert_eq!(expired, total);
        assert_eq!(full.figures().await, (10 * HOLDS, 0));
        let status = full.engine.status(S, soon()).await.unwrap();
        assert_eq!((status.open_holds, status.due_lag_ms), (0, 0));
        row("holds expired", format!("{expired} in {bites}"));
        row("holds expired a second", per_second(expired, time));
        row("longest bite, seen by the caller", ms(longest));
        row(
            "longest bite, as Redis measured it",
            ms(full.longest_block()),
        );
        row(
            "what else held Redis up for 5 ms or more",
            full.other_blocks(),
        );

        full.watch();
        let day = Duration::from_secs(86_400);
        full.clock.advance_ms(86_400_000);
        let started = Instant::now();
        let (mut longest, mut records, mut entries) = (Duration::ZERO, 0, 0);
        loop {
            let bite = Instant::now();
            let purged = full.engine.purge(S, day, day, 1 << 40, soon()).await;
            let purged = purged.unwrap();
            longest = longest.max(bite.elapsed());
            records += u64::try_from(purged.records).unwrap();
            entries += purged.entries;
            if !purged.more {
                break;
            }
        }
        let time = started.elapsed();
        assert_eq!(records, total + 1);
        row("records purged a second", per_second(records, time));
        row("journal entries trimmed meanwhile", entries);
        row(
            "longest bite of the purger, seen by the caller",
            ms(longest),
        );
        row(
            "longest bite, as Redis measured it",
            ms(full.longest_block()),
        );
        assert!(records > u64::try_from(PURGE_MAX).unwrap());
    }

    /// The worst that one bite may meet: as many holds of as many lines as there may be.
    #[tokio::test]
    async fn a_bite_of_the_widest_holds() {
        let store = store().await;
        let skus: Vec<_> = (0..REAP_MAX * LINES_MAX)
            .map(|i| key(&format!("sku-{i}")))
            .collect();
        for sku in &skus {
            store.put(sku, 1).await;
        }
        for (i, chunk) in skus.chunks(LINES_MAX).enumerate() {
            let wide = reserve(&format!("wide-{i}"), chunk, 1);
            let held = store.engine.reserve(S, &wide, soon()).await.unwrap();
            held.unwrap();
        }
        store.clock.advance_ms(1);
        store.watch();
        let (mut expired, mut bites, mut longest) = (0, 0, Duration::ZERO);
        while expired < REAP_MAX {
            let bite = Instant::now();
            let swept = store.engine.expire(S, Expire { max: REAP_MAX }, soon());
            expired += swept.await.unwrap().expired;
            longest = longest.max(bite.elapsed());
            bites += 1;
        }
        let read = store
            .engine
            .stock(S, &skus[..LINES_MAX], soon())
            .await
            .unwrap();
        assert!(read.stocks.iter().flatten().all(|s| s.available == 1));
        println!();
        row("256 holds of 100 lines expired, in so many bites", bites);
        row("longest bite, seen by the caller", ms(longest));
        row(
            "longest bite, as Redis measured it",
            ms(store.longest_block()),
        );
    }
}
