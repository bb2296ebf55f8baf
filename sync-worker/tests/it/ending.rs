//! A worker that is told to end while its stores are gone.

use std::{path::Path, time::Instant};

use devstack::{mariadb::MariaDbServer, process::ServerProcess, redis::RedisServer};
use sync_worker::limits::DATABASE_ACQUIRE_TIMEOUT;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_no_store_that_is_gone() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let redis = RedisServer::builder().start().unwrap();
    let url = mariadb.create_database().unwrap();
    let worker = |kafka: &str| {
        ServerProcess::builder(Path::new(env!("CARGO_BIN_EXE_sync-worker")))
            .without_env("SYNC_")
            .args(["run", "--ops-listen=127.0.0.1:0", kafka])
            .args(["--redis-url", &redis.url(), "--database-url", &url])
            .start()
            .unwrap()
    };
    // One owns the shard, the other stands by; one has parts on Kafka, which is away too.
    let workers = ["--no-kafka", "--kafka-brokers=127.0.0.1:1"].map(worker);
    let pool = migrated(&url).await;
    eventually("one of them owns the shard", async || {
        let row = sync_worker::cursor::read(&pool, S).await.unwrap();
        row.is_some_and(|row| row.owner.is_some())
    })
    .await;
    eventually("the other publishes the outbox", async || {
        workers[1].log().contains("slots of the outbox")
    })
    .await;
    mariadb.kill9().unwrap();
    redis.kill9().unwrap();
    for worker in &workers {
        eventually("it notices", async || {
            let log = worker.log();
            // The second when it was not done with its start.
            log.contains("trying again after a while") || log.contains("waiting why=")
        })
        .await;
    }
    for worker in workers {
        let told = Instant::now();
        let ended = worker.terminate().unwrap();
        let took = told.elapsed();
        assert!(ended.success(), "{}", worker.log());
        // Not even once as long as a statement waits for a connection.
        assert!(
            took < DATABASE_ACQUIRE_TIMEOUT,
            "{took:?}: {}",
            worker.log()
        );
    }
}
