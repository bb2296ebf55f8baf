//! The worker is away when it is needed, or dies or sleeps in the middle of its work.

use std::path::Path;

use devstack::{mariadb::MariaDbServer, process::ServerProcess};
use sqlx::Connection;
use sync_worker::cursor;

use super::{losses::*, stage::Stage, verify::Lost};
use crate::{site::*, support::*};

fn process(world: &World) -> ServerProcess {
    ServerProcess::builder(Path::new(env!("CARGO_BIN_EXE_sync-worker")))
        .without_env("SYNC_")
        .args(["run", "--no-kafka", "--ops-listen=127.0.0.1:0"])
        .args(["--redis-url", &world.redis.url()])
        .args(["--database-url", &world.url])
        .start()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_restarts_while_no_worker_is_there() {
    let mut stage = Stage::set(&MARIADB, 1).await;
    let worker = work(&stage.world).await;
    let load = stage.sell(30).await;
    worker.stop().await;
    load.answers(100).await;
    stage.lose(restart).await;
    load.refusals(40).await;
    let meta = stage.world.survey().await.meta.unwrap();
    assert_eq!(meta.epoch, stage.faults[0].before, "opened by a server");
    let worker = work(&stage.world).await;
    stage.back(&load).await;
    let book = load.end().await;
    stage.verify(&book, &["OPENED"], Lost::Nothing).await;
    worker.follows().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_killed_in_the_middle_of_a_rebuild() {
    let mut stage = Stage::set(&MARIADB, 1).await;
    let first = process(&stage.world);
    stage.fill().await;
    let load = stage.sell(31).await;
    // Redis stands still when the worker dies, and shows afterwards how far that was.
    for _ in 0..10 {
        let before = stage.world.survey().await.meta.unwrap().epoch;
        stage.lose(flush).await;
        stage.is_being_restored().await;
        stage.world.redis.pause().unwrap();
        first.kill9().unwrap();
        stage.world.redis.resume().unwrap();
        if stage.is_restoring() {
            break;
        }
        // It had just finished.
        first.start_again().unwrap();
        stage.world.opened_after(before).await;
    }
    assert!(stage.is_restoring());
    load.refusals(40).await;
    assert!(stage.is_restoring(), "nobody opens what is half done");
    let second = process(&stage.world);
    stage.back(&load).await;
    let book = load.end().await;
    let kinds = vec!["REBUILT"; stage.faults.len()];
    stage.verify(&book, &kinds, Lost::Unprojected).await;
    assert!(second.terminate().unwrap().success());
}

/// It sleeps in a transaction that has locked the cursor, and wakes up when another worker has
/// opened another epoch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_sleeps_with_a_batch_in_flight_while_another_takes_over() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let mut stage = Stage::set(&mariadb, 2).await;
    let first = process(&stage.world);
    let load = stage.sell(32).await;
    let owner = async |world: &World| cursor::read(&world.pool, S).await.unwrap().unwrap().owner;
    let slept = owner(&stage.world).await.unwrap();
    let second = process(&stage.world);

    let mut blocker = sqlx::MySqlConnection::connect(&stage.world.url)
        .await
        .unwrap();
    // A worker that has some of the rows may win the deadlock.
    eventually("the rows are locked", async || {
        for statement in ["START TRANSACTION", "SELECT * FROM stock_item FOR UPDATE"] {
            if sqlx::query(statement).execute(&mut blocker).await.is_err() {
                return false;
            }
        }
        true
    })
    .await;
    // Not `innodb_trx`: it shows what it showed before to whoever looks more often than ten times a second.
    eventually("a batch waits", async || {
        let waiting = mariadb.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'");
        !waiting.unwrap().ends_with("\t0")
    })
    .await;
    first.pause().unwrap();
    sqlx::query("ROLLBACK").execute(&mut blocker).await.unwrap();
    load.answers(100).await;
    eventually("another owns the shard", async || {
        owner(&stage.world).await.is_some_and(|now| now != slept)
    })
    .await;
    stage.projected().await;

    stage.lose(restart).await;
    stage.back(&load).await;
    stage.projected().await;
    first.resume().unwrap();
    load.answers(100).await;
    let book = load.end().await;
    stage.verify(&book, &["OPENED"], Lost::Nothing).await;
    assert!(owner(&stage.world).await.is_some_and(|now| now != slept));
    for worker in [first, second] {
        assert!(worker.terminate().unwrap().success());
    }
}
