//! What the database refuses for good goes aside alone.

use std::sync::atomic::Ordering;

use inventory_core::{Reserve, engine::RawEntry};
use sqlx::Row;
use sync_worker::{
    project::dead_letter::{Closed, DeadLetter, DeadLetterStatus, discard, list, replay},
    status::Status,
};

use super::{books, project};
use crate::support::*;

/// Refuses one SKU from its second version on.
const REFUSE: &str = "CREATE TRIGGER refuse BEFORE UPDATE ON stock_item FOR EACH ROW
    IF NEW.sku_id = 'bad' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no bad goods';
    END IF";

async fn run(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&world.pool).await.unwrap();
}

async fn letters(world: &World) -> Vec<DeadLetter> {
    list(&world.pool, S, None, 0, 100).await.unwrap()
}

async fn scalar(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_refused_change_goes_aside_alone_and_comes_back() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    world.put("op-1", "bad", 50).await;
    world.put("op-2", "good", 50).await;
    project(&world, &mut cursor, 100, &status).await;
    run(&world, REFUSE).await;

    // The second of five changes of one entry, in the midst of other entries.
    let batch: Vec<Reserve> = ["r-1", "r-2", "r-3", "r-4", "r-5"]
        .iter()
        .map(|id| match *id {
            "r-2" => reserve(id, &[("bad", 3)]),
            id => reserve(id, &[("good", 1)]),
        })
        .collect();
    world.put("op-3", "good", 60).await;
    for reply in world.engine.reserve_batch(S, &batch, soon()).await {
        reply.unwrap().unwrap();
    }
    let loss = adjust("op-4", "bad", -7);
    world
        .engine
        .adjust(S, &loss, soon())
        .await
        .unwrap()
        .unwrap();
    world.put("op-5", "good", 70).await;
    project(&world, &mut cursor, 100, &status).await;

    let aside = letters(&world).await;
    let places: Vec<_> = aside
        .iter()
        .map(|letter| (letter.entry.n, letter.item.unwrap()))
        .collect();
    assert_eq!(places, [(4, 1), (5, 0)]);
    assert!(
        aside
            .iter()
            .all(|letter| letter.reason.contains("no bad goods"))
    );
    assert_eq!(status.dead_letters.load(Ordering::Relaxed), 2);
    assert_eq!(cursor.position.n, 6);
    let others = "SELECT COUNT(*) FROM reservation WHERE reservation_id <> 'r-2'";
    assert_eq!(scalar(&world, others).await, 4);
    let of_bad = "SELECT COUNT(*) FROM stock_journal WHERE sku_id = 'bad'";
    assert_eq!(scalar(&world, of_bad).await, 1);
    let good = "SELECT available_quantity FROM stock_item WHERE sku_id = 'good'";
    assert_eq!(scalar(&world, good).await, 66);

    // As long as it is refused, it stays.
    let [first, second] = [aside[0].id, aside[1].id];
    let Closed::Refused(why) = replay(&world.pool, S, first, "me", None).await.unwrap() else {
        panic!("it must be refused");
    };
    assert!(why.contains("no bad goods"), "{why}");
    assert_eq!(letters(&world).await[0].tries, aside[0].tries + 1);

    run(&world, "DROP TRIGGER refuse").await;
    // The other way round: the newer figures stay, nothing is lost.
    for id in [second, first] {
        assert_eq!(
            replay(&world.pool, S, id, "me", None).await.unwrap(),
            Closed::Done
        );
    }
    let again = replay(&world.pool, S, first, "me", None).await.unwrap();
    assert_eq!(again, Closed::Before(DeadLetterStatus::Replayed));
    assert_eq!(
        replay(&world.pool, S, 999, "me", None).await.unwrap(),
        Closed::Unknown
    );
    assert_eq!(letters(&world).await[0].closed_by.as_deref(), Some("me"));
    books::check(&world).await;
}

#[tokio::test]
async fn what_came_after_a_late_change_stays() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    world.put("op-1", "a", 50).await;
    project(&world, &mut cursor, 100, &status).await;
    run(
        &world,
        "CREATE TRIGGER refuse BEFORE INSERT ON reservation FOR EACH ROW
         IF NEW.status = 'RESERVED' THEN
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no holds';
         END IF",
    )
    .await;
    world.reserve("r-1", &[("a", 4)]).await;
    project(&world, &mut cursor, 100, &status).await;
    let release = release("r-1");
    world
        .engine
        .release(S, &release, soon())
        .await
        .unwrap()
        .unwrap();
    project(&world, &mut cursor, 100, &status).await;
    run(&world, "DROP TRIGGER refuse").await;
    // The release does not follow from the row: the reservation's change is missing.
    assert_eq!(status.drift.load(Ordering::Relaxed), 1);
    let aside = letters(&world).await;
    assert_eq!(
        replay(&world.pool, S, aside[0].id, "me", None)
            .await
            .unwrap(),
        Closed::Done
    );
    // Released as it was, and now with its items.
    books::check(&world).await;
}

#[tokio::test]
async fn what_nobody_can_read_goes_aside_whole() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    world.put("op-1", "a", 50).await;
    let next = format!("{}-*", cursor.issued);
    world.raw(&["XADD", &k("journal"), &next, "who", "knows"]);
    world.put("op-2", "a", 60).await;
    world.raw(&[
        "XADD",
        &k("journal"),
        &next,
        "@",
        "1",
        "=",
        "a 1 1 1",
        "Aop",
        "?",
    ]);
    project(&world, &mut cursor, 100, &status).await;
    assert_eq!(cursor.position.n, 4);
    let aside = letters(&world).await;
    let places: Vec<_> = aside
        .iter()
        .map(|letter| (letter.entry.n, letter.item))
        .collect();
    assert_eq!(places, [(2, None), (4, None)]);
    let raw = RawEntry::from_payload(&aside[0].payload).unwrap();
    assert_eq!((raw.id, raw.len()), (aside[0].entry, "whoknows".len()));
    books::check(&world).await;

    let still = replay(&world.pool, S, aside[0].id, "me", None)
        .await
        .unwrap();
    assert!(matches!(still, Closed::Refused(_)), "{still:?}");
    let dropped = discard(&world.pool, S, aside[0].id, "me").await.unwrap();
    assert_eq!(dropped, Closed::Done);
    let open = list(&world.pool, S, Some(DeadLetterStatus::Open), 0, 100)
        .await
        .unwrap();
    assert_eq!(open.len(), 1);
    let at: String = sqlx::query("SELECT CAST(entry_at AS CHAR) FROM journal_cursor")
        .fetch_one(&world.pool)
        .await
        .unwrap()
        .get(0);
    assert_eq!(at, sync_worker::time::sql(T0));
}
