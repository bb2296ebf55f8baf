//! Both stores are lost in a cluster. `kubectl` is a script that runs what is typed into a pod.

use std::time::Duration;

use super::{
    hands::Hands,
    mariadb::{Backup, copied},
    page::{blocks, filled},
    shop::*,
};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_are_restored_in_a_cluster_redis_from_the_newer_copy() {
    let mut hands = Hands::new();
    let lost = mariadb();
    let (world, worker) = shop(&lost).await;
    hands.has_redis(&world.redis);
    hands.has_mariadb(&lost);
    let backup = Backup::prepare(&hands, &lost);
    let copying = backup.copy_log(&hands);
    order(&lost, "before");
    trade(&world, "before").await;
    world.at_rest().await;

    let [dump, copy] = blocks("### On Kubernetes");
    hands.type_in(dump).await;
    order(&lost, "after");
    trade(&world, "after").await;
    world.at_rest().await;
    copied(&hands, &lost).await;
    lost.kill9().unwrap();
    copying.wait_for_exit(Duration::from_secs(60)).unwrap();
    // What Redis alone knows is in its copy, and what comes later is nowhere.
    trade(&world, "copied").await;
    let data = world.redis.dir().display().to_string();
    hands.type_in(&filled(copy, &[("/data", &data)])).await;
    trade(&world, "nowhere").await;
    let before = world.opened().await;
    world.redis.kill9().unwrap();
    worker.stop();
    drop(lost);

    let [stop, to_mariadb, to_redis, start] = blocks("### The same on Kubernetes");
    hands.type_in(stop).await;
    let stopped = hands.scaled();
    assert!(stopped.iter().all(|to| to.ends_with(" 0")), "{stopped:?}");
    let new = mariadb();
    hands.has_mariadb(&new);
    hands.type_in(to_mariadb).await;
    assert_eq!(orders(&new), ["after", "before"]);
    let redis = redis().start().unwrap();
    hands.has_redis(&redis);
    let data = redis.dir().display().to_string();
    hands.type_in(&filled(to_redis, &[("/data", &data)])).await;
    eventually("redis has ended", async || redis.pid().is_none()).await;
    redis.start_again().unwrap();
    hands.type_in(start).await;
    let mut started = hands.scaled();
    let mut stopped: Vec<_> = stopped.iter().map(|to| to.replace(" 0", " 2")).collect();
    started.sort();
    stopped.sort();
    assert_eq!(started, stopped, "all that was stopped is started");

    let world = world.moved_to_mariadb(&new).moved_to_redis(redis).await;
    let worker = Worker::start(&world);
    world.opened_after(before).await;
    trade(&world, "again").await;
    let recovery = world.looks_well(&hands, &worker).await;
    assert_eq!(recovery["kind"], "OPENED", "{recovery}");
    let why = "another life of Redis, with all that MariaDB has";
    assert_eq!(recovery["why"], why, "{recovery}");
    // Those of nowhere are for sale again.
    world.has_trades(4).await;
    worker.stop();
}
