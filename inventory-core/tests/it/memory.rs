//! What a reservation costs in memory, everything included.

use std::time::Duration;

use devstack::wait;

use crate::support::*;

const HOLDS: u64 = 100_000;
/// Holds taken one in a call.
const ALONE: u64 = 5_000;
const OPEN_HOLD_MAX: u64 = 400;

impl Store {
    fn used_memory(&self) -> u64 {
        info(&self.redis, "used_memory").parse().unwrap()
    }
}

/// As `uuid` writes them.
fn uuid(dice: &mut Dice) -> String {
    let mut part =
        |digits: usize| format!("{:016x}", dice.roll(1 << 32) << 16)[16 - digits..].to_owned();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(8),
        part(4),
        part(3),
        part(3),
        part(12)
    )
}

#[tokio::test]
async fn an_open_hold_takes_less_than_400_bytes() {
    const SEED: u64 = 0x5EED_0004;
    println!("seed {SEED:#x}");
    let mut dice = Dice::new(SEED);
    let store = store().await;
    store.put("sku-000001", 2 * HOLDS).await;
    // The first call makes room for buffers.
    store.reserve("first", &[("sku-000001", 1)]).await.unwrap();
    let empty = store.used_memory();
    for _ in 0..HOLDS / 500 {
        let batch: Vec<_> = (0..500)
            .map(|_| reserve(&uuid(&mut dice), &[("sku-000001", 1)]))
            .collect();
        let answers = store.engine.reserve_batch(S, &batch, within(30_000)).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    }
    let status = store.engine.status(S, soon()).await.unwrap();
    assert_eq!(status.open_holds, HOLDS + 1);
    // While a table of Redis grows there are two of it: wait until it has moved.
    let each = || (store.used_memory() - empty) / HOLDS;
    let settled = wait::until(Duration::from_secs(30), "a grown table", || {
        each() < OPEN_HOLD_MAX
    });
    let open = each();
    settled.unwrap_or_else(|error| panic!("{open} bytes per open hold: {error}"));
    let in_journal = status.journal_bytes / HOLDS;
    println!("open hold: {open} bytes, {in_journal} of them in the journal");

    // Entries of one hold each share nothing.
    let before = store.used_memory();
    for _ in 0..ALONE {
        let alone = reserve(&uuid(&mut dice), &[("sku-000001", 1)]);
        store.hold(&alone).await.unwrap();
    }
    let alone = (store.used_memory() - before) / ALONE;
    println!("open hold, alone in its call: {alone} bytes");

    store.clock.advance_ms(900_000);
    while store.sweep().await.expired > 0 {}
    let hour = Duration::from_secs(3_600);
    while store
        .engine
        .purge(S, hour, Duration::ZERO, 0, soon())
        .await
        .unwrap()
        .more
    {}
    let closed = (store.used_memory() - empty) / (HOLDS + ALONE);
    println!("closed record: {closed} bytes, its journal entries trimmed");
    assert!(closed < open);
}
