//! Redis is lost, wholly or in part.

use super::{
    clients::Load,
    losses::*,
    stage::{Stage, copy_folder},
    verify::Lost,
};
use crate::{site::*, support::*};

/// One server, one worker, and customers.
async fn scene_of_loss(seed: u64) -> (Stage, Working, Load) {
    let stage = Stage::set(&MARIADB, 1).await;
    let worker = work(&stage.world).await;
    let load = stage.sell(seed).await;
    (stage, worker, load)
}

/// Customers go on, come to an end, and all is well. How many acknowledged changes are gone.
async fn all_is_well(
    stage: &Stage,
    worker: &Working,
    load: Load,
    kinds: &[&str],
    lost: Lost,
) -> usize {
    stage.back(&load).await;
    let book = load.end().await;
    let gone = stage.verify(&book, kinds, lost).await;
    worker.follows().await;
    gone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_restarts() {
    let (mut stage, worker, load) = scene_of_loss(1).await;
    stage.lose(restart).await;
    all_is_well(&stage, &worker, load, &["OPENED"], Lost::Nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_the_machine_lives() {
    let (mut stage, worker, load) = scene_of_loss(2).await;
    stage.lose(die).await;
    stage.back(&load).await;
    // Usually all was written.
    let restored = stage.world.kinds().await.contains(&"RESTORED".to_owned());
    let kinds = [if restored { "RESTORED" } else { "OPENED" }];
    all_is_well(&stage, &worker, load, &kinds, Lost::Unprojected).await;
}

/// Under `everysec` the file ends where it was last flushed. The projection is behind that, so what
/// was cut off is nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_the_end_of_its_file_was_not_flushed() {
    let (mut stage, worker, load) = scene_of_loss(3).await;
    stage.projected().await;
    worker.stop().await;
    load.answers(100).await;
    let position = stage.world.cursor().await.position;
    let next = format!("{}-{}\r\n", position.epoch, position.n + 1);
    eventually("what comes after the projection is written", async || {
        stage.is_written(&next)
    })
    .await;
    let flushed = stage.world.aof_len();
    load.answers(100).await;
    stage.lose(|redis| cut(redis, flushed + 11)).await;
    load.refusals(20).await;
    let worker = work(&stage.world).await;
    let gone = all_is_well(&stage, &worker, load, &["OPENED"], Lost::Unprojected).await;
    assert!(gone > 0);
}

/// The projection is ahead of what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_entries_of_the_append_only_file_are_gone() {
    let (mut stage, worker, load) = scene_of_loss(4).await;
    let kept = stage.world.aof_len();
    load.answers(100).await;
    stage.projected().await;
    stage.lose(|redis| cut(redis, kept + 11)).await;
    all_is_well(&stage, &worker, load, &["RESTORED"], Lost::Unprojected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_flushed() {
    let (mut stage, worker, load) = scene_of_loss(5).await;
    stage.lose(flush).await;
    all_is_well(&stage, &worker, load, &["REBUILT"], Lost::Unprojected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_redis_takes_the_place_of_redis() {
    let (mut stage, worker, load) = scene_of_loss(6).await;
    stage.lose(|redis| replace(redis, None)).await;
    all_is_well(&stage, &worker, load, &["REBUILT"], Lost::Unprojected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_takes_the_place_of_redis() {
    let (mut stage, worker, load) = scene_of_loss(7).await;
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("redis");
    copy_folder(stage.world.redis.dir(), &copied);
    load.answers(100).await;
    // The copy is of an older epoch, even.
    stage.lose(restart).await;
    stage.back(&load).await;
    stage.projected().await;
    stage.lose(|redis| replace(redis, Some(&copied))).await;
    let kinds = ["OPENED", "RESTORED"];
    all_is_well(&stage, &worker, load, &kinds, Lost::Unprojected).await;
}

/// The second loss comes while the first is being put back, the third when that is hardly over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_lost_again_and_again() {
    let mut stage = Stage::set(&MARIADB, 2).await;
    let worker = work(&stage.world).await;
    stage.fill().await;
    let load = stage.sell(8).await;
    let before = stage.world.survey().await.meta.unwrap().epoch;
    stage.lose(flush).await;
    stage.is_being_restored().await;
    stage.lose(|redis| replace(redis, None)).await;
    stage.world.opened_after(before).await;
    stage.lose(flush).await;
    stage.back(&load).await;
    let book = load.end().await;
    let kinds = stage.world.kinds().await;
    // The first may have been put back before the second came.
    let kinds: Vec<_> = kinds.iter().skip(1).map(String::as_str).collect();
    assert!((2..=3).contains(&kinds.len()), "{kinds:?}");
    assert!(kinds.iter().all(|kind| *kind == "REBUILT"), "{kinds:?}");
    stage.verify(&book, &kinds, Lost::Unprojected).await;
    worker.follows().await;
}
