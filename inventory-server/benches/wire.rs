//! Parse and encode of the hot request. `cargo bench -p inventory-server`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use inventory_core::TimestampMs;
use inventory_server::measured;

fn body(lines: usize) -> String {
    let items: Vec<String> = (0..lines)
        .map(|i| format!(r#"{{"skuId":"sku-{i}","quantity":2}}"#))
        .collect();
    let items = items.join(",");
    format!(r#"{{"reservationId":"r-0123456789","orderId":"o-1","items":[{items}]}}"#)
}

fn wire(c: &mut Criterion) {
    for lines in [1, 10] {
        let body = body(lines);
        let mut group = c.benchmark_group(format!("{lines} lines"));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("parse", |b| {
            b.iter(|| measured::parse(black_box(body.as_bytes())));
        });
        let asked = measured::parse(body.as_bytes()).unwrap();
        let now = TimestampMs(1_800_000_000_000);
        group.bench_function("encode", |b| {
            b.iter(|| measured::encode(black_box(&asked), now));
        });
        let unknown = body.replace("quantity", "quantiti");
        group.bench_function("explain a fault", |b| {
            b.iter(|| measured::parse(black_box(unknown.as_bytes())));
        });
        group.finish();
    }
}

criterion_group!(benches, wire);
criterion_main!(benches);
