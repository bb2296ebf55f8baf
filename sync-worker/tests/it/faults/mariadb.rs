//! MariaDB is away when it is needed, or is not what it was.

use devstack::{mariadb::MariaDbServer, redis::RedisServer};

use super::{
    losses::*,
    stage::{Stage, copy_folder, replace_folder},
    verify::Lost,
};
use crate::{site::*, support::*};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_restarts_while_mariadb_is_away() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let mut stage = Stage::set(&mariadb, 1).await;
    let worker = work(&stage.world).await;
    let load = stage.sell(20).await;
    let known = stage.known().await;
    mariadb.kill9().unwrap();
    // Nobody needs it to sell.
    load.answers(100).await;
    stage.lose_knowing(known, restart).await;
    load.refusals(40).await;
    mariadb.start_again().unwrap();
    stage.back(&load).await;
    let book = load.end().await;
    stage.verify(&book, &["OPENED"], Lost::Nothing).await;
    worker.follows().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_restored_from_an_older_backup() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let mut stage = Stage::set(&mariadb, 1).await;
    let worker = work(&stage.world).await;
    let load = stage.sell(21).await;
    let backup = tempfile::tempdir().unwrap();
    let backup = backup.path().join("mariadb");
    mariadb.stop().unwrap();
    copy_folder(&mariadb.data_dir(), &backup);
    mariadb.start_again().unwrap();
    load.answers(100).await;
    let far = stage.world.survey().await.last.unwrap();
    eventually("redis knows how far it is projected", async || {
        let meta = stage.world.survey().await.meta.unwrap();
        meta.projected.is_some_and(|projected| projected >= far)
    })
    .await;
    let known = stage.known().await;
    mariadb.stop().unwrap();
    load.answers(100).await;
    let restore = |_: &RedisServer| {
        replace_folder(&mariadb.data_dir(), Some(&backup));
        mariadb.start_again().unwrap();
    };
    stage.lose_knowing(known, restore).await;
    stage.back(&load).await;
    let book = load.end().await;
    stage.verify(&book, &["RESYNCED"], Lost::Nothing).await;
    worker.follows().await;
}
