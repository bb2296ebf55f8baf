//! A run to draw, for tests.

use std::collections::BTreeMap;

use crate::result::{Latency, Machine, Point, RunResult, Stock, Threshold, Verification};

/// A flash sale of ten seconds that went well.
pub(super) fn run() -> RunResult {
    RunResult {
        scenario: "flash-sale".to_owned(),
        profile: "smoke".to_owned(),
        ok: true,
        failures: Vec::new(),
        sku_id: "sku-<1>".to_owned(),
        units: 500,
        started_at: "2026-11-23T12:00:00.000Z".to_owned(),
        duration_seconds: 10.2,
        machine: Machine {
            cpu: "A CPU".to_owned(),
            cores: 2,
            memory_mib: 24_000,
            kernel: "6.1".to_owned(),
        },
        versions: BTreeMap::from([("redis".to_owned(), "7.0.15".to_owned())]),
        durability: "everysec".to_owned(),
        revision: "d983752".to_owned(),
        latency_ms: Latency {
            p50: 1.2,
            p95: 8.0,
            p99: 20.0,
            p999: 45.5,
            max: 60.0,
        },
        requests: 3_171,
        requests_per_second: 317.1,
        refused: BTreeMap::from([
            ("INSUFFICIENT_STOCK".to_owned(), 1_900),
            ("PURCHASE_LIMIT_EXCEEDED".to_owned(), 28),
        ]),
        counters: BTreeMap::from([("accepted".to_owned(), 587)]),
        thresholds: vec![Threshold {
            metric: "http_req_duration{name:reserve}".to_owned(),
            threshold: "p(99)<50".to_owned(),
            ok: true,
        }],
        verification: Verification {
            ok: true,
            client_accepted: 448,
            redis: Some(448),
            journal: Some(448),
            mariadb: Some(448),
            kafka: Some(448),
            ..Verification::default()
        },
        series: (0..10).map(second).collect(),
    }
}

fn second(second: u64) -> Point {
    Point {
        second,
        requests: 300 + second,
        p50: Some(1.0),
        p95: Some(7.0),
        p99: Some(20.0),
        refused: second * 10,
        lag_seconds: Some(0.1),
        redis_memory_bytes: Some(5 * 1_048_576),
        worker_memory_bytes: Some(30 * 1_048_576),
        server_memory_bytes: None,
        stock: Some(Stock {
            available: 0,
            held: 52,
            sold: 448,
        }),
    }
}
