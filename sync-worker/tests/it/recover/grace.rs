use std::time::Duration;

use inventory_core::{Expire, Status};
use sync_worker::limits::GRACE;

use crate::{site::*, support::*};

const GRACE_MS: u64 = 60_000;

#[tokio::test]
async fn holds_that_fell_due_while_the_shard_was_closed_get_a_moment() {
    assert_eq!(GRACE, Duration::from_millis(GRACE_MS));
    for rolled_back in [false, true] {
        let world = shop().await;
        let worker = work(&world).await;
        let epoch = world.opened().await;
        world.put("c", "sku", 10).await;
        // One before the place that Redis is rolled back to, and unchanged since; one after it.
        world.reserve("early", &[("sku", 1)]).await;
        let kept = world.aof_len();
        world.reserve("late", &[("sku", 2)]).await;
        let mut long = reserve("long", &[("sku", 3)]);
        long.ttl_ms = 80_000_000;
        world
            .engine
            .reserve(S, &long, soon())
            .await
            .unwrap()
            .unwrap();
        world.at_rest().await;
        worker.stop().await;
        match rolled_back {
            true => world.roll_back_to(kept),
            false => drop(world.raw(&["FLUSHALL"])),
        }
        world.clock.advance_ms(901_000);
        let now = world.survey().await.now;

        let worker = work(&world).await;
        world.opened_after(epoch).await;
        world.agree().await;
        let (kind, report) = world.reports().await.pop().unwrap();
        assert_eq!(kind, if rolled_back { "RESTORED" } else { "REBUILT" });
        assert_eq!(report["graced"], 2);
        let hold = async |id: &str| {
            let read = world.engine.reservation(S, &rid(id), soon()).await;
            read.unwrap().unwrap().reservation
        };
        for id in ["early", "late"] {
            let hold = hold(id).await;
            assert_eq!(hold.status, Status::Reserved);
            assert_eq!(hold.deadline, now.plus_ms(GRACE_MS));
        }
        assert_eq!(hold("long").await.deadline, T0.plus_ms(80_000_000));
        let due: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reservation WHERE expires_at = ?")
            .bind(sync_worker::time::sql(now.plus_ms(GRACE_MS)))
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(due, 2);

        world.clock.advance_ms(GRACE_MS - 1);
        let confirmed = world.engine.confirm(S, &confirm("early"), soon()).await;
        assert_eq!(confirmed.unwrap().unwrap().value.status, Status::Confirmed);
        world.clock.advance_ms(1);
        world
            .engine
            .expire(S, Expire { max: 128 }, soon())
            .await
            .unwrap();
        assert_eq!(hold("late").await.status, Status::Expired);
        world.agree().await;
        worker.follows().await;
    }
}
