//! A small flash sale, from the first buyer to the last deadline.

use std::fs;

use crate::support::{run, scripts};

#[test]
fn a_flash_sale_is_verified_to_the_unit_on_every_side() {
    let ran = run(&scripts(), "flash-sale", &["--units", "300"]);
    let result = ran.result();
    let found = &result.verification;
    assert!(found.ok, "{:?}\n{}", found.differences, ran.said());
    // How fast this machine answers while all other tests run is not asked here.
    assert!(
        result.ok || result.only_thresholds(),
        "{:?}",
        result.failures
    );
    assert_eq!(found.not_verified, [""; 0]);
    let sold = Some(found.client_accepted);
    assert_eq!(
        [found.redis, found.journal, found.mariadb, found.kafka],
        [sold; 4]
    );
    assert!(
        (1..=300).contains(&found.client_accepted),
        "{}",
        found.client_accepted
    );
    // It sold out, and of those who came late most went home with nothing.
    let sold_out = found.notes.iter().find(|note| note.contains("sold out"));
    assert!(sold_out.is_some(), "{:?}", found.notes);
    assert!(
        result.refused["INSUFFICIENT_STOCK"] > 100,
        "{:?}",
        result.refused
    );
    assert!(
        result.refused["PURCHASE_LIMIT_EXCEEDED"] > 0,
        "{:?}",
        result.refused
    );
    assert!(result.counters["confirmed_units"] > 0 && result.counters["released_units"] > 0);
    assert!(result.latency_ms.p50 > 0.0 && result.latency_ms.max >= result.latency_ms.p99);
    let seen: u64 = result.series.iter().map(|point| point.requests).sum();
    assert_eq!(seen, result.requests);
    assert!(
        result
            .series
            .iter()
            .any(|point| point.lag_seconds.is_some())
    );
    assert!(
        result
            .series
            .iter()
            .any(|point| point.redis_memory_bytes > Some(100_000))
    );
    assert!(
        result
            .series
            .iter()
            .any(|point| point.worker_memory_bytes > Some(100_000))
    );
    assert!(!result.thresholds.is_empty());
    assert_eq!(result.durability, "everysec");
    assert!(
        result.versions["k6"].starts_with('v'),
        "{:?}",
        result.versions
    );
    let page = fs::read_to_string(ran.file("html")).unwrap();
    assert!(page.contains("<svg") && page.contains("flash-sale"));
}
