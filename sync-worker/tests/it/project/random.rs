//! Whatever happens in Redis, in batches of whatever size: the tables say the same.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use inventory_core::ChangeKind;
use sync_worker::{
    project::{Applied, Batch, apply, kind_name},
    status::Status,
};

use super::{books, entries, project, workload::Workload};
use crate::support::*;

#[tokio::test]
async fn tables_say_what_redis_holds() {
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    for seed in 1..=12_u64 {
        let world = world().await;
        let mut cursor = world.attach().await;
        let status = Status::default();
        let mut workload = Workload::new(seed);
        workload.begin(&world).await;
        for step in 0..250 {
            workload.step(&world).await;
            // At times much has piled up, at times nothing.
            if workload.roll(9) == 0 {
                let max = [1, 2, 5, 1_000][usize::try_from(workload.roll(4)).unwrap()];
                project(&world, &mut cursor, max, &status).await;
                if step % 4 == 0 {
                    eprintln!("seed {seed}, step {step}");
                    books::check(&world).await;
                }
            }
        }
        project(&world, &mut cursor, 1_000, &status).await;
        eprintln!("seed {seed}");
        books::check(&world).await;
        assert_eq!(status.drift.load(Ordering::Relaxed), 0, "seed {seed}");
        assert_eq!(status.dead_letters.load(Ordering::Relaxed), 0);
        let entries = status.entries_applied.load(Ordering::Relaxed);
        assert_eq!(entries, cursor.position.n + 1);
        assert_eq!(status.position(), Some(cursor.position));
        for (what, count) in what_happened(&world).await {
            *seen.entry(what).or_default() += count;
        }
    }
    // Nothing is proved by what never happened.
    for kind in ChangeKind::ALL {
        let repair = [ChangeKind::Repaired, ChangeKind::ReservationRepaired].contains(&kind);
        assert!(
            repair || seen.contains_key(kind_name(kind)),
            "{kind:?}: {seen:?}"
        );
    }
    assert!(seen["created again"] > 0 && seen["used"] > 0, "{seen:?}");
    eprintln!("{seen:?}");
}

async fn what_happened(world: &World) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT kind, COUNT(*) FROM stock_journal GROUP BY kind
         UNION ALL SELECT 'used', COUNT(*) FROM purchase_used
         UNION ALL SELECT 'created again', COUNT(*) FROM stock_item i WHERE NOT retired AND EXISTS
           (SELECT 1 FROM stock_journal j WHERE j.sku_id = i.sku_id
             AND j.location_id = i.location_id AND j.kind = 'RETIRED')",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_batch_is_applied_once_and_only_by_its_owner() {
    let world = world().await;
    let before = world.attach().await;
    let status = Status::default();
    let mut workload = Workload::new(99);
    workload.begin(&world).await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    let entries = entries(&world, before.position, 1_000).await;
    let batch = Batch::gather(&entries, before.position).unwrap();
    let again = async |cursor| {
        apply(&world.pool, S, &cursor, &batch, &status, None)
            .await
            .unwrap()
    };

    for (column, value) in [("token", "1"), ("issued_epoch", "9"), ("state", "'STALE'")] {
        let set = |value: &str| {
            let sql = format!("UPDATE journal_cursor SET {column} = {value}");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&world.pool)
        };
        set(value).await.unwrap();
        assert_eq!(again(before.clone()).await, Applied::Superseded, "{column}");
        let was = match column {
            "token" => "0".to_owned(),
            "state" => "'FOLLOWING'".to_owned(),
            _ => before.issued.to_string(),
        };
        set(&was).await.unwrap();
    }
    assert_eq!(again(before.clone()).await, Applied::Moved(batch.last()));
    assert_eq!(again(before).await, Applied::Superseded);
    books::check(&world).await;
    assert_eq!(status.batches_applied.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_later_epoch_ends_the_one_before() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let first = cursor.issued;
    for epoch in [first.0, first.0 + 1] {
        let sql = "INSERT INTO journal_epoch (shard, epoch, issued_at, issued_by, why)
                   VALUES (0, ?, NOW(3), 'test', 'test')";
        sqlx::query(sql)
            .bind(epoch)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    let status = Status::default();
    world.put("op-1", "a", 5).await;
    world.reserve("r-1", &[("a", 2)]).await;
    // What a blessing leaves.
    let previous = format!("{first}-2");
    let blessing = [
        "0".repeat(32),
        "run".to_owned(),
        previous,
        "w".to_owned(),
        "y".to_owned(),
    ];
    let id = format!("{}-0", first.0 + 1);
    world.raw(&[
        "XADD",
        &k("journal"),
        &id,
        "@",
        "1800000000000",
        "!",
        &blessing.join("\t"),
    ]);
    project(&world, &mut cursor, 1_000, &status).await;
    assert_eq!(cursor.position.to_string(), id);
    let ends: Vec<(u64, Option<u64>)> =
        sqlx::query_as("SELECT epoch, last_n FROM journal_epoch ORDER BY epoch")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(ends, [(first.0, Some(2)), (first.0 + 1, None)]);
}
