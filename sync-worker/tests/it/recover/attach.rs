use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use inventory_core::engine::ProjectionMode;

use crate::{
    project::{books, workload::Workload},
    site::*,
    support::*,
};

/// A shop whose server opened it by itself, with a history.
async fn with_history(seed: u64) -> (World, Workload) {
    let mut world = shop().await;
    world.engine = engine_on(&world.redis, ProjectionMode::Auto, world.clock.clone()).await;
    let mut workload = Workload::new(seed);
    workload.begin(&world).await;
    for _ in 0..80 {
        workload.step(&world).await;
    }
    (world, workload)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_history_is_copied_while_it_goes_on() {
    for seed in 50..53 {
        eprintln!("seed {seed}");
        let (world, mut workload) = with_history(seed).await;
        // A server in an epoch of its own answers that it is closed until it meets the new one.
        workload.purges = false;
        for index in 0..3_000 {
            let stock = format!("many-{index}");
            let count = count(&format!("count-{index}"), &stock, 5);
            world
                .engine
                .count(S, &count, soon())
                .await
                .unwrap()
                .unwrap();
            world
                .reserve(&format!("held-{index}"), &[(&stock, 2)])
                .await;
        }
        let world = Arc::new(world);
        let busy = Arc::new(AtomicBool::new(true));
        let writing = tokio::spawn({
            let (world, busy) = (Arc::clone(&world), Arc::clone(&busy));
            async move {
                let mut written = 0_u32;
                let mut dice = Dice::new(seed);
                while busy.load(Ordering::Relaxed) {
                    let of = dice.roll(3_000);
                    let id = rid(&format!("held-{of}"));
                    let done = match dice.roll(3) {
                        0 => {
                            let confirm = confirm(id.as_str());
                            world.engine.confirm(S, &confirm, soon()).await.map(drop)
                        }
                        1 => {
                            let release = release(id.as_str());
                            world.engine.release(S, &release, soon()).await.map(drop)
                        }
                        _ => {
                            let items = format!("many-{of}");
                            let command = reserve(&format!("new-{written}"), &[(&items, 1)]);
                            world.engine.reserve(S, &command, soon()).await.map(drop)
                        }
                    };
                    written += u32::from(done.is_ok());
                    // A server that is fenced answers at once.
                    tokio::task::yield_now().await;
                }
                written
            }
        });
        let worker = work(&world).await;
        eventually("copied", async || {
            world.kinds().await.contains(&"RESYNCED".to_owned())
        })
        .await;
        busy.store(false, Ordering::Relaxed);
        let written = writing.await.unwrap();
        assert!(written > 0);
        world.agree().await;
        worker.follows().await;
        // The server has learned that it may not open the shard any more.
        let status = world.engine.status(S, soon()).await.unwrap();
        assert!(status.projected);
        for _ in 0..60 {
            workload.step(&world).await;
        }
        world.agree().await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_copy_that_was_not_finished_is_begun_again() {
    let (world, mut workload) = with_history(54).await;
    for index in 0..1_500 {
        let count = count(&format!("count-{index}"), &format!("many-{index}"), 5);
        world
            .engine
            .count(S, &count, soon())
            .await
            .unwrap()
            .unwrap();
    }
    let worker = work(&world).await;
    eventually("copying", async || {
        let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM stock_item")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        rows > 0
    })
    .await;
    worker.abandon().await;
    // What a copy of another moment left.
    world
        .sql(&[
            "UPDATE stock_item SET version = 999999, available_quantity = 77",
            "UPDATE journal_cursor SET state = 'RESYNC', resync_epoch = NULL, resync_n = NULL",
            "INSERT INTO stock_item SELECT 'ghost', location_id, available_quantity,
               reserved_quantity, sold_quantity, version, ledger_quantity, FALSE, changed_epoch,
               changed_n, updated_at FROM stock_item LIMIT 1",
        ])
        .await;
    let worker = work(&world).await;
    eventually("copied", async || {
        world.kinds().await.contains(&"RESYNCED".to_owned())
    })
    .await;
    world.agree().await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    world.agree().await;
    worker.follows().await;
}

#[tokio::test]
async fn while_a_copy_is_not_finished_an_emptied_redis_is_left_alone() {
    let (world, _) = with_history(55).await;
    let worker = work(&world).await;
    world.at_rest_after_attachment().await;
    worker.stop().await;
    world
        .sql(&["UPDATE journal_cursor SET state = 'RESYNC', resync_epoch = NULL"])
        .await;
    world.raw(&["FLUSHALL"]);
    let worker = work(&world).await;
    worker.is_held("only being copied").await;
    assert_eq!(world.survey().await.meta, None);
    worker.stop().await;
}

#[tokio::test]
async fn what_was_attached_survives_an_emptied_redis() {
    let (world, mut workload) = with_history(56).await;
    let worker = work(&world).await;
    eventually("copied", async || {
        world.kinds().await.contains(&"RESYNCED".to_owned())
    })
    .await;
    world.agree().await;
    let epoch = world.opened().await;
    world.raw(&["FLUSHALL"]);
    world.opened_after(epoch).await;
    world.agree().await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    world.agree().await;
    worker.follows().await;
}

#[tokio::test]
async fn a_rollback_to_before_the_attachment_is_filled_anew() {
    let (world, mut workload) = with_history(57).await;
    let kept = world.aof_len();
    for _ in 0..40 {
        workload.step(&world).await;
    }
    let worker = work(&world).await;
    world.at_rest_after_attachment().await;
    let epoch = world.opened().await;
    world.roll_back_to(kept);
    world.opened_after(epoch).await;
    world.agree().await;
    assert_eq!(world.kinds().await, ["RESYNCED", "REBUILT"]);
    worker.follows().await;
}

#[tokio::test]
async fn a_store_that_was_detached_opens_by_itself_and_can_be_attached_again() {
    let world = shop().await;
    let worker = work(&world).await;
    let epoch = world.opened().await;
    world.put("c", "sku", 10).await;
    world.at_rest().await;
    worker.stop().await;

    world.engine.detach(S, "test", "it is gone").await.unwrap();
    let server = engine_on(&world.redis, ProjectionMode::Auto, world.clock.clone()).await;
    server
        .reserve(S, &reserve("r", &[("sku", 1)]), soon())
        .await
        .unwrap()
        .unwrap();
    // MariaDB has what comes before, so it goes on from there.
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    assert_eq!(world.kinds().await, ["REBUILT", "OPENED"]);
    worker.stop().await;

    // Once another opened it, a person has to say who is right.
    world.engine.detach(S, "test", "it is gone").await.unwrap();
    drop(server);
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let server = engine_on(&world.redis, ProjectionMode::Auto, world.clock.clone()).await;
    server.opened(S, soon()).await.unwrap();
    let worker = work(&world).await;
    worker.is_held("--adopt-redis").await;
    worker.stop().await;

    // A MariaDB that has nothing takes all.
    let url = database_url();
    let other = World {
        pool: migrated(&url).await,
        engine: server,
        redis: Arc::clone(&world.redis),
        clock: world.clock.clone(),
        url,
    };
    let worker = work(&other).await;
    other.at_rest_after_attachment().await;
    other.agree().await;
    worker.follows().await;
}

#[tokio::test]
async fn a_server_that_is_quicker_than_a_first_start_is_taken_over() {
    let world = shop().await;
    // The row was made, then a server came.
    sync_worker::cursor::insert(
        &world.pool,
        S,
        &"f".repeat(32),
        sync_worker::cursor::CursorState::Following,
    )
    .await
    .unwrap();
    let server = engine_on(&world.redis, ProjectionMode::Auto, world.clock.clone()).await;
    let epoch = server.opened(S, soon()).await.unwrap();
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.put("c", "sku", 10).await;
    world.agree().await;
    books::check(&world).await;
    assert_eq!(
        world.cursor().await.lineage,
        world.survey().await.meta.unwrap().lineage
    );
    worker.follows().await;
}

impl World {
    async fn at_rest_after_attachment(&self) {
        eventually("copied", async || {
            self.kinds().await.contains(&"RESYNCED".to_owned())
        })
        .await;
        self.at_rest().await;
    }
}
