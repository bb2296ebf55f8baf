use sync_worker::status::Phase;

use crate::{site::*, support::*};

/// More than many slices of a restore.
const MANY: u64 = 8_000;

#[tokio::test]
async fn much_is_carried_over_in_slices_and_the_worker_says_how_far_it_is() {
    let world = shop().await;
    let worker = work(&world).await;
    let epoch = world.opened().await;
    world.put("c", "sku", 1_000_000).await;
    world.reserve("model", &[("sku", 1)]).await;
    world.at_rest().await;
    worker.stop().await;
    world.multiply().await;

    // MariaDB into Redis.
    world.raw(&["FLUSHALL"]);
    let worker = work(&world).await;
    let mut steps = Vec::new();
    eventually("rebuilt", async || {
        if let Phase::Restoring { restored, total } = worker.status.phase() {
            assert!(restored <= total, "{restored} of {total}");
            steps.push(restored);
        }
        // Others are answered meanwhile.
        world.survey().await;
        worker.status.last_recovery().is_some()
    })
    .await;
    steps.dedup();
    assert!(steps.len() > 2 && steps.is_sorted(), "{steps:?}");
    let epoch = world.opened_after(epoch).await;
    world.agree().await;
    let (_, report) = world.reports().await.pop().unwrap();
    assert_eq!(report["stocks"], MANY + 1);
    assert_eq!(report["holds"], MANY + 1);
    worker.stop().await;

    // Redis into MariaDB.
    world
        .sql(&["UPDATE journal_cursor SET state = 'STALE'"])
        .await;
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    let (kind, report) = world.reports().await.pop().unwrap();
    assert_eq!(kind, "RESYNCED");
    assert_eq!(report["stocks"], MANY + 1);
    assert_eq!(report["holds"], MANY + 1);
    worker.follows().await;
}

impl World {
    /// Makes as many stocks, each with a hold, in MariaDB alone.
    async fn multiply(&self) {
        for sql in [
            format!(
                "INSERT INTO stock_item
                 SELECT CONCAT('many-', seq), 'default', 4, 1, 0, 2, 5, FALSE, changed_epoch,
                   changed_n, updated_at
                 FROM stock_item, seq_1_to_{MANY} WHERE sku_id = 'sku'"
            ),
            format!(
                "INSERT INTO reservation
                 SELECT CONCAT('held-', seq), status, order_id, customer_id, created_at,
                   expires_at, changed_at, changed_epoch, changed_n,
                   CONCAT(LEFT(stored, 22), 'many-', seq, '=1')
                 FROM reservation, seq_1_to_{MANY} WHERE reservation_id = 'model'"
            ),
        ] {
            let insert = sqlx::query(sqlx::AssertSqlSafe(sql));
            insert.execute(&self.pool).await.unwrap();
        }
    }
}
