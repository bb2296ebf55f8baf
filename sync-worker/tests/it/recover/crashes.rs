//! Places at which a worker may die.

use inventory_core::engine::RestoreStep;
use sync_worker::{cursor, recover::issue};

use crate::{
    project::{books, workload::Workload},
    site::*,
    support::*,
};

async fn stopped(seed: u64) -> (World, Workload) {
    let world = shop().await;
    let worker = work(&world).await;
    world.opened().await;
    let mut workload = Workload::new(seed);
    workload.begin(&world).await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    world.at_rest().await;
    worker.stop().await;
    (world, workload)
}

async fn goes_on(world: &World, workload: &mut Workload, epoch: inventory_core::Epoch) {
    let worker = work(world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    books::check(world).await;
    for _ in 0..40 {
        workload.step(world).await;
    }
    world.agree().await;
    books::check(world).await;
    worker.follows().await;
    worker.stop().await;
}

#[tokio::test]
async fn after_an_epoch_was_issued() {
    let (world, mut workload) = stopped(60).await;
    let scene = scene(&world).await;
    let epoch = world.engine.gate(S).unwrap();
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let survey = world.survey().await;
    let cursor = world.cursor().await;
    let issued = issue(&scene, &cursor, &survey, "test").await.unwrap();
    assert!(issued.issued > epoch);
    goes_on(&world, &mut workload, epoch).await;
    // The one that was issued first was never opened.
    assert!(world.engine.gate(S).unwrap() > issued.issued);
    assert_eq!(world.kinds().await, ["REBUILT", "OPENED"]);
}

#[tokio::test]
async fn after_a_restore_was_begun_or_half_done() {
    for half_done in [false, true] {
        let (world, mut workload) = stopped(61).await;
        let scene = scene(&world).await;
        let epoch = world.engine.gate(S).unwrap();
        world.raw(&["FLUSHALL"]);
        let (survey, cursor) = (world.survey().await, world.cursor().await);
        issue(&scene, &cursor, &survey, "test").await.unwrap();
        let begin = RestoreStep::Begin {
            lineage: cursor.lineage.clone(),
            expected: None,
            even_open: false,
        };
        let step = async |step: &RestoreStep| scene.engine.restore(S, "of the dead", step).await;
        step(&begin).await.unwrap();
        if half_done {
            let stock = inventory_core::engine::Restored::Stock {
                key: key("wrong"),
                figures: [1, 2, 3, 4],
            };
            step(&RestoreStep::Put(vec![stock])).await.unwrap();
        }
        // Nobody opens it meanwhile.
        assert!(world.engine.gate(S).is_err() || world.engine.gate(S) == Ok(epoch));
        goes_on(&world, &mut workload, epoch).await;
        assert_eq!(world.kinds().await, ["REBUILT", "REBUILT"]);
        // The dead one may not go on.
        let late = step(&RestoreStep::Wipe).await.unwrap_err();
        assert!(late.to_string().contains("CONFLICT"), "{late}");
        world.agree().await;
    }
}

#[tokio::test]
async fn before_the_blessing_was_projected() {
    let (world, mut workload) = stopped(62).await;
    let epoch = world.engine.gate(S).unwrap();
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let scene = scene(&world).await;
    let (survey, cursor) = (world.survey().await, world.cursor().await);
    sync_worker::recover::open(
        &scene,
        &cursor,
        &survey,
        sync_worker::recover::Open::OtherLife,
    )
    .await
    .unwrap();
    let opened = world.opened_after(epoch).await;
    for _ in 0..20 {
        workload.step(&world).await;
    }
    // Nothing is wrong: it is only followed.
    let worker = work(&world).await;
    world.agree().await;
    books::check(&world).await;
    worker.stop().await;
    assert_eq!(world.engine.gate(S), Ok(opened));
    // And the same with another death of Redis in between.
    let scene = self::scene(&world).await;
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let (survey, cursor) = (world.survey().await, world.cursor().await);
    sync_worker::recover::open(
        &scene,
        &cursor,
        &survey,
        sync_worker::recover::Open::OtherLife,
    )
    .await
    .unwrap();
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    goes_on(&world, &mut workload, opened).await;
}

#[tokio::test]
async fn a_batch_that_was_read_before_an_epoch_was_issued_does_not_commit() {
    let (world, _) = stopped(63).await;
    let scene = scene(&world).await;
    let before = world.cursor().await;
    world.reserve("late", &[("b:1", 1)]).await;
    let entries = scene
        .engine
        .entries(S, Some(before.position), 10, std::time::Duration::ZERO)
        .await
        .unwrap();
    let batch = sync_worker::project::Batch::gather(&entries, before.position).unwrap();
    let survey = world.survey().await;
    issue(&scene, &before, &survey, "test").await.unwrap();
    let apply = sync_worker::project::apply;
    let applied = apply(&world.pool, S, &before, &batch, &scene.status, None).await;
    assert_eq!(applied.unwrap(), sync_worker::project::Applied::Superseded);
    // Nor does another epoch come from what was read before.
    let again = issue(&scene, &before, &survey, "test").await;
    assert!(matches!(
        again,
        Err(sync_worker::recover::Trouble::Superseded)
    ));
    assert_eq!(
        cursor::read(&world.pool, S)
            .await
            .unwrap()
            .unwrap()
            .position,
        before.position
    );
}
