//! MariaDB is away when it is needed, or is not what it was.

use devstack::{mariadb::MariaDbServer, redis::RedisServer};

use super::{
    clients::Load,
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
async fn mariadb_loses_its_last_moments() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let stage = Stage::set(&mariadb, 1).await;
    let worker = work(&stage.world).await;
    let (load, backup) = sell_with_a_backup(&stage, &mariadb, 22).await;
    stage.world.sql(&["CREATE TABLE newer (n INT)"]).await;
    mariadb.stop().unwrap();
    load.answers(100).await;
    replace_folder(&mariadb.data_dir(), Some(backup.path()));
    mariadb.start_again().unwrap();
    let newer = "SHOW TABLES LIKE 'newer'";
    let newer: Option<String> = sqlx::query_scalar(newer)
        .fetch_optional(&stage.world.pool)
        .await
        .unwrap();
    assert_eq!(newer, None, "it is the backup");
    // Nobody is fenced, so nobody waits.
    load.answers(100).await;
    let book = load.end().await;
    stage.verify(&book, &[], Lost::Nothing).await;
    worker.follows().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_restored_from_a_backup_older_than_the_journal() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let mut stage = Stage::set(&mariadb, 1).await;
    let worker = work(&stage.world).await;
    let (load, backup) = sell_with_a_backup(&stage, &mariadb, 21).await;
    let known = stage.known().await;
    mariadb.stop().unwrap();
    load.answers(100).await;
    // As after more than a minute.
    stage.world.raw(&["XTRIM", &k("journal"), "MAXLEN", "20"]);
    let restore = |_: &RedisServer| {
        replace_folder(&mariadb.data_dir(), Some(backup.path()));
        mariadb.start_again().unwrap();
    };
    stage.lose_knowing(known, restore).await;
    stage.back(&load).await;
    let book = load.end().await;
    stage.verify(&book, &["RESYNCED"], Lost::Nothing).await;
    worker.follows().await;
}

/// Lets clients in, and copies MariaDB; when this is done, Redis knows of more as projected.
async fn sell_with_a_backup(
    stage: &Stage,
    mariadb: &MariaDbServer,
    seed: u64,
) -> (Load, tempfile::TempDir) {
    let load = stage.sell(seed).await;
    let backup = tempfile::tempdir().unwrap();
    mariadb.stop().unwrap();
    copy_folder(&mariadb.data_dir(), backup.path());
    mariadb.start_again().unwrap();
    load.answers(100).await;
    let far = stage.world.survey().await.last.unwrap();
    eventually("redis knows how far it is projected", async || {
        let meta = stage.world.survey().await.meta.unwrap();
        meta.projected.is_some_and(|projected| projected >= far)
    })
    .await;
    (load, backup)
}
