//! How much a worker carries: `cargo test --release -p sync-worker --test it project::speed -- --nocapture`.
//! A debug build only sees that it works.

use std::time::Instant;

use inventory_core::{CustomerId, OrderId, Reserve};
use sync_worker::{
    project::{Applied, Batch, Events, apply},
    status::Status,
};

use super::{entries, events::outbox::events_of, project};
use crate::support::*;

const SKUS: u32 = 1_000;

/// In entries of 64 one-line reservations, as a busy server leaves them.
const PER_ENTRY: u32 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reservations_a_second() {
    carry(None).await;
    carry(Some(events_of())).await;
}

async fn carry(events: Option<Events>) {
    let count: u32 = if cfg!(debug_assertions) {
        2_000
    } else {
        200_000
    };
    let mariadb = devstack::mariadb::MariaDbServer::builder()
        .durability(devstack::mariadb::Durability::EverySecond)
        .buffer_pool_mib(512)
        // As a server that carries this has it: with little redo log it writes pages all the time.
        .arg("innodb-log-file-size", "512M")
        .start()
        .unwrap();
    let world = world_on(&mariadb).await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    for sku in 0..SKUS {
        world
            .put(&format!("put-{sku}"), &format!("sku-{sku}"), 1_000_000)
            .await;
    }
    project(&world, &mut cursor, 1_000, &status).await;
    for first in (0..count).step_by(usize::try_from(PER_ENTRY).unwrap()) {
        let commands: Vec<_> = (first..first + PER_ENTRY).map(command).collect();
        for reply in world.engine.reserve_batch(S, &commands, soon()).await {
            reply.unwrap().unwrap();
        }
    }
    let changes = u64::from(count.next_multiple_of(PER_ENTRY));

    // What a worker does: read, gather, apply.
    let (mut read, mut gathered, mut applied) = (0, 0, 0);
    let pids = [std::process::id(), mariadb.pid().unwrap()];
    let cpu_before = pids.map(cpu_ms);
    let begin = Instant::now();
    loop {
        let now = Instant::now();
        let entries = entries(&world, cursor.position, 64).await;
        read += now.elapsed().as_micros();
        let now = Instant::now();
        let batch = Batch::gather(&entries, cursor.position).unwrap();
        gathered += now.elapsed().as_micros();
        if batch.taken() == 0 {
            break;
        }
        let now = Instant::now();
        let moved = apply(&world.pool, S, &cursor, &batch, &status, events.as_ref())
            .await
            .unwrap();
        applied += now.elapsed().as_micros();
        assert_eq!(moved, Applied::Moved(batch.last()));
        cursor.position = batch.last();
    }
    let seconds = begin.elapsed().as_secs_f64();
    eprintln!(
        "{changes} one-line reservations on {SKUS} SKUs in {seconds:.2} s: {:.0}/s \
         {}(read {} ms, gather {} ms, apply {} ms; CPU: worker {} ms, MariaDB {} ms)",
        f64::from(u32::try_from(changes).unwrap()) / seconds,
        if events.is_some() { "with events " } else { "" },
        read / 1_000,
        gathered / 1_000,
        applied / 1_000,
        cpu_ms(pids[0]) - cpu_before[0],
        cpu_ms(pids[1]) - cpu_before[1],
    );
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reservation_item")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(u64::try_from(rows).unwrap(), changes);
}

/// CPU time of a process so far; the kernel counts it in hundredths of a second.
fn cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum();
    ticks * 10
}

/// Ids and lengths as callers have them.
fn command(number: u32) -> Reserve {
    let mixed = number.wrapping_mul(2_654_435_761);
    // As a UUID of version 7: what is made later sorts later.
    let id = format!("{number:08x}-7c1e-7d5f-9a3b-{mixed:012x}");
    Reserve {
        order: Some(OrderId::parse(&format!("order-{number}")).unwrap()),
        customer: Some(CustomerId::parse(&format!("customer-{}", mixed % 50_000)).unwrap()),
        ..reserve(&id, &[(&format!("sku-{}", mixed % SKUS), 1)])
    }
}
