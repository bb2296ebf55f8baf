//! Redis is lost, and there is a copy of its append-only file.

use inventory_core::Fault;

use super::{
    hands::Hands,
    page::{blocks, filled},
    shop::*,
};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_restored_from_an_older_copy_of_its_file() {
    let mut hands = Hands::new();
    let mariadb = mariadb();
    let (world, worker) = shop(&mariadb).await;
    hands.has_redis(&world.redis);
    hands.has_mariadb(&mariadb);
    let (backups, data) = (hands.at("backup"), world.redis.dir().display().to_string());
    std::fs::create_dir(&backups).unwrap();
    trade(&world, "before").await;

    let [copy] = blocks("### Redis");
    let names = [("/backup", &*backups), ("/var/lib/redis", &*data)];
    hands.type_in(&filled(copy, &names)).await;
    let percentage = world.raw(&["CONFIG", "GET", "auto-aof-rewrite-percentage"]);
    let percentage = percentage.items().unwrap()[1].text();
    assert_eq!(percentage.as_deref(), Some("100"));
    trade(&world, "after").await;
    world.at_rest().await;
    let (before, end) = (world.opened().await, world.cursor().await.position);
    world.redis.kill9().unwrap();
    worker.stop();

    let folder = tempfile::tempdir().unwrap();
    let [restore] = blocks("### An older copy of Redis is all that can be found, MariaDB is there");
    let new = folder.path().display().to_string();
    let names = [("/backup", &*backups), ("/var/lib/redis", &*new)];
    hands.type_in(&filled(restore, &names)).await;
    let new = redis().dir(folder.path()).start().unwrap();
    hands.has_redis(&new);
    let world = world.moved_to_redis(new).await;
    let behind = world.survey().await.last.unwrap();
    assert!(behind < end, "it is the copy");
    // What it lacks must not be sold once more.
    let command = reserve("too-early", &[("apples", 1)]);
    let early = world.engine.reserve(S, &command, soon()).await;
    assert!(matches!(early, Err(Fault::Fenced { .. })), "{early:?}");

    let worker = Worker::start(&world);
    world.opened_after(before).await;
    trade(&world, "again").await;
    let recovery = world.looks_well(&hands, &worker).await;
    assert_eq!(recovery["kind"], "RESTORED", "{recovery}");
    let why = format!("Redis was rolled back to {behind}, MariaDB is at {end}");
    assert_eq!(recovery["why"], why, "{recovery}");
    world.has_trades(3).await;
    assert_eq!(world.kinds().await, ["REBUILT", "RESTORED"]);
    worker.stop();
}
