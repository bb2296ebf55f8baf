//! Batches that are refused, taken apart, given up, or begun again by another worker.

use inventory_core::Reserve;
use service_kit::relay::Waker;
use sync_worker::{
    cursor,
    project::{
        Applied, Batch, Events, apply,
        dead_letter::{Closed, list, replay},
    },
    status::Status,
};

use super::outbox::{Row, another, events_of, rows, written};
use crate::{
    bench::reconcile,
    project::{books, entries, project, project_with, workload::Workload},
    site::{shop, work_with},
    support::*,
};

/// Refuses one SKU from its second version on.
const REFUSE: &str = "CREATE TRIGGER refuse BEFORE UPDATE ON stock_item FOR EACH ROW
    IF NEW.sku_id = 'bad' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no bad goods';
    END IF";

async fn run(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&world.pool).await.unwrap();
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

async fn letters(world: &World) -> Vec<u64> {
    let letters = list(&world.pool, S, None, 0, 100).await.unwrap();
    letters.iter().map(|letter| letter.id).collect()
}

/// Two changes of five in one entry, and one by itself, touch a stock that is refused.
async fn with_bad_goods() -> World {
    let world = world().await;
    world.attach().await;
    let mut cursor = world.cursor().await;
    world.put("op-1", "bad", 5).await;
    world.put("op-2", "good", 5).await;
    let status = Status::default();
    project_with(&world, &mut cursor, 100, &status, Some(&events_of())).await;
    run(&world, REFUSE).await;
    let batch: Vec<Reserve> = ["r-1", "r-2", "r-3", "r-4", "r-5"]
        .iter()
        .map(|id| match *id {
            "r-2" | "r-4" => reserve(id, &[("bad", 2)]),
            id => reserve(id, &[("good", 1)]),
        })
        .collect();
    for reply in world.engine.reserve_batch(S, &batch, soon()).await {
        reply.unwrap().unwrap();
    }
    let loss = adjust("op-3", "bad", -1);
    let lost = world.engine.adjust(S, &loss, soon()).await;
    lost.unwrap().unwrap();
    world.put("op-4", "good", 3).await;
    world
}

#[tokio::test]
async fn what_is_put_aside_is_said_when_it_is_replayed() {
    let world = with_bad_goods().await;
    let mut cursor = world.cursor().await;
    let status = Status::default();
    let events = events_of();
    project_with(&world, &mut cursor, 100, &status, Some(&events)).await;
    let calm = another(&world).await;
    let mut cursor = calm.cursor().await;
    project_with(&calm, &mut cursor, 100, &status, Some(&events)).await;

    // All but theirs, with the ids that they have anywhere.
    let aside = letters(&world).await;
    assert_eq!(aside.len(), 3);
    let all = rows(&calm).await;
    let of_bad = |row: &&Row| ["bad", "r-2", "r-4"].contains(&row.1.as_str());
    let bad: Vec<_> = all[2..].iter().filter(of_bad).cloned().collect();
    // Two holds, a loss, and the last unit.
    assert_eq!(bad.len(), 4);
    let rest: Vec<_> = all
        .iter()
        .filter(|row| !bad.contains(row))
        .cloned()
        .collect();
    assert_eq!(rows(&world).await, rest);

    // Refused again: nothing is said.
    let again = replay(&world.pool, S, aside[0], "me", Some(&events)).await;
    assert!(matches!(again.unwrap(), Closed::Refused(_)));
    assert_eq!(rows(&world).await, rest);
    run(&world, "DROP TRIGGER refuse").await;
    let ran = reconcile(
        &world,
        &["dead-letters", "replay", &aside[2].to_string(), "--json"],
    )
    .await;
    assert_eq!(ran.ends(0).json()["outcome"], "replayed");
    let done = replay(&world.pool, S, aside[0], "me", Some(&events)).await;
    assert_eq!(done.unwrap(), Closed::Done);
    assert_eq!(rows(&world).await.len(), all.len() - 1);
    written(&world).await;
    let ran = reconcile(
        &world,
        &[
            "dead-letters",
            "replay",
            &aside[1].to_string(),
            "--no-events",
        ],
    )
    .await;
    ran.ends(0);
    assert_eq!(rows(&world).await.len(), all.len() - 1);
    let missing = |row: &&Row| row.1 == "r-4";
    let missing: Vec<_> = all.iter().filter(missing).cloned().collect();
    let now = [rows(&world).await, missing].concat();
    assert_eq!(sorted(now), sorted(all));
    books::check(&world).await;
}

#[tokio::test]
async fn what_was_put_aside_without_events_stays_without() {
    let world = with_bad_goods().await;
    let mut cursor = world.cursor().await;
    let before = rows(&world).await;
    project(&world, &mut cursor, 100, &Status::default()).await;
    run(&world, "DROP TRIGGER refuse").await;
    for id in letters(&world).await {
        let done = replay(&world.pool, S, id, "me", Some(&events_of())).await;
        assert_eq!(done.unwrap(), Closed::Done);
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn an_event_that_cannot_be_made_is_put_aside_with_its_change() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    let events = events_of();
    world.put("op-1", "a", 5).await;
    // Confirmed, and the record does not say what.
    let mut record = T0.0.to_be_bytes()[2..].to_vec();
    record.push(b'C');
    record.extend_from_slice(&60_000_u32.to_be_bytes());
    record.extend_from_slice(b"a=2");
    let (journal, next) = (k("journal"), format!("{}-*", cursor.issued));
    let entry: [&[u8]; 9] = [
        b"XADD",
        journal.as_bytes(),
        next.as_bytes(),
        b"@",
        b"1800000000000",
        b"=",
        b"a 5 0 0 2",
        b"Cr-1",
        &record,
    ];
    world.raw(&entry);
    world.put("op-2", "b", 5).await;
    project_with(&world, &mut cursor, 100, &status, Some(&events)).await;
    assert_eq!(cursor.position.n, 3);
    let kinds: Vec<_> = written(&world).await;
    let keys: Vec<_> = kinds.iter().map(|event| event.key.as_str()).collect();
    assert_eq!(keys, ["a", "a", "b", "b"]);
    let aside = list(&world.pool, S, None, 0, 100).await.unwrap();
    assert_eq!(aside.len(), 1);
    assert!(aside[0].reason.contains("what was sold"), "{aside:?}");
    assert!(aside[0].events);

    let again = replay(&world.pool, S, aside[0].id, "me", Some(&events)).await;
    let Closed::Refused(why) = again.unwrap() else {
        panic!("it must be refused");
    };
    assert!(why.contains("what was sold"), "{why}");
    // The tables can do with less than the shop.
    let done = replay(&world.pool, S, aside[0].id, "me", None).await;
    assert_eq!(done.unwrap(), Closed::Done);
    assert_eq!(rows(&world).await.len(), 4);
}

#[tokio::test]
async fn a_batch_that_does_not_commit_says_nothing() {
    let world = world().await;
    let before = world.attach().await;
    let (status, events) = (Status::default(), events_of());
    let mut workload = Workload::new(98);
    workload.begin(&world).await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    let entries = entries(&world, before.position, 1_000).await;
    let batch = Batch::gather(&entries, before.position).unwrap();
    let again = async || {
        let applied = apply(&world.pool, S, &before, &batch, &status, Some(&events));
        applied.await.unwrap()
    };
    // Another owner.
    run(&world, "UPDATE journal_cursor SET token = token + 1").await;
    assert_eq!(again().await, Applied::Superseded);
    assert_eq!(rows(&world).await, []);
    run(&world, "UPDATE journal_cursor SET token = token - 1").await;
    // Refused by the last statement, after the events.
    run(
        &world,
        "CREATE TRIGGER refuse BEFORE UPDATE ON journal_cursor FOR EACH ROW
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no further'",
    )
    .await;
    let refused = apply(&world.pool, S, &before, &batch, &status, Some(&events)).await;
    refused.unwrap_err();
    assert_eq!(rows(&world).await, []);
    run(&world, "DROP TRIGGER refuse").await;
    assert_eq!(again().await, Applied::Moved(batch.last()));
    let once = rows(&world).await;
    assert_eq!(again().await, Applied::Superseded);
    assert_eq!(rows(&world).await, once);
    let calm = another(&world).await;
    let mut cursor = calm.cursor().await;
    project_with(&calm, &mut cursor, 7, &status, Some(&events)).await;
    assert_eq!(rows(&calm).await, once);
}

#[tokio::test]
async fn workers_that_die_one_after_the_other_say_everything_once() {
    let world = shop().await;
    let waker = Waker::default();
    let mut working = work_with(&world, Some(Events::new(waker.clone()))).await;
    world.opened().await;
    let mut workload = Workload::new(97);
    workload.begin(&world).await;
    for turn in 0..120 {
        workload.step(&world).await;
        if turn % 40 == 39 {
            working.abandon().await;
            // The next need not wait for the lease to run out.
            run(&world, "UPDATE journal_cursor SET lease_until = NOW(3)").await;
            working = work_with(&world, Some(Events::new(waker.clone()))).await;
        }
    }
    world.at_rest().await;
    working.follows().await;
    working.stop().await;

    let calm = another(&world).await;
    let row = world.cursor().await;
    sqlx::query("UPDATE journal_cursor SET lineage = ?, issued_epoch = ?")
        .bind(&row.lineage)
        .bind(row.issued.0)
        .execute(&calm.pool)
        .await
        .unwrap();
    let mut cursor = cursor::read(&calm.pool, S).await.unwrap().unwrap();
    let status = Status::default();
    project_with(&calm, &mut cursor, 1_000, &status, Some(&events_of())).await;
    assert_eq!(cursor.position, row.position);
    assert_eq!(rows(&world).await, rows(&calm).await);
    assert!(!written(&world).await.is_empty());
}
