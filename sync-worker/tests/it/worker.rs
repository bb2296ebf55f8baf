//! The loop of a shard, and the process around it.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use devstack::{
    mariadb::MariaDbServer,
    process::ServerProcess,
    redis::{Appendonly, RedisServer},
};
use inventory_core::engine::{ProjectionMode, ShardClock};
use sync_worker::{
    cursor,
    limits::{LEASE, LEVEL_FRESH},
    status::Phase,
};

use crate::{
    project::{books, workload::Workload},
    site::*,
    support::*,
};

const WORKER: &str = env!("CARGO_BIN_EXE_sync-worker");

/// One that hears signals.
fn process(redis: &str, database: &str) -> ServerProcess {
    let process = ServerProcess::builder(Path::new(WORKER))
        .without_env("SYNC_")
        .args(["run", "--no-kafka", "--ops-listen=127.0.0.1:0"])
        .args(["--redis-url", redis, "--database-url", database])
        .start()
        .unwrap();
    process
        .wait_for_line(|line| line.contains("listening"), PATIENCE)
        .unwrap();
    process
}

/// A shop on Redis's own clock, as the workers in processes see it.
async fn live_shop(mariadb: &MariaDbServer) -> World {
    let redis = RedisServer::builder().appendonly(Appendonly::Always);
    let redis = Arc::new(redis.start().unwrap());
    let url = mariadb.create_database().unwrap();
    World {
        engine: engine_on(&redis, ProjectionMode::Required, ShardClock::Redis).await,
        pool: migrated(&url).await,
        redis,
        clock: ShardClock::Redis,
        url,
    }
}

async fn owner(world: &World) -> Option<String> {
    let row = cursor::read(&world.pool, S).await.unwrap();
    row.and_then(|row| row.owner)
}

#[tokio::test]
async fn when_the_owner_dies_another_goes_on_and_nothing_is_applied_twice() {
    let world = live_shop(&MARIADB).await;
    let mut workers: Vec<_> = (0..2)
        .map(|_| process(&world.redis.url(), &world.url))
        .collect();
    world.opened().await;
    world.put("c", "sku", 1_000_000).await;
    let mut next = 0;
    for _ in 0..3 {
        let mut was = None;
        eventually("somebody owns the shard", async || {
            was = owner(&world).await;
            was.is_some()
        })
        .await;
        let was = was.unwrap();
        let pid = was.split(':').nth(1).unwrap().to_owned();
        let killed = workers
            .iter()
            .position(|worker| worker.pid().is_some_and(|of| of.to_string() == pid))
            .unwrap();
        // In the middle of its work.
        for index in 0..200 {
            if index == 100 {
                workers[killed].kill9().unwrap();
            }
            world.reserve(&format!("r-{next}"), &[("sku", 1)]).await;
            next += 1;
        }
        let died = Instant::now();
        eventually("another owns the shard", async || {
            owner(&world).await.is_some_and(|now| now != was)
        })
        .await;
        world.at_rest().await;
        let took = died.elapsed();
        // The rest is for a busy machine.
        assert!(took < LEASE + Duration::from_secs(30), "{took:?}");
        workers.remove(killed);
        workers.push(process(&world.redis.url(), &world.url));
    }
    world.agree().await;
    let held: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reservation")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(held, next);
    let logged: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM stock_journal WHERE kind = 'RESERVED'")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(logged, next);
    for worker in workers {
        assert!(worker.terminate().unwrap().success());
    }
    assert_eq!(owner(&world).await, None);
}

#[tokio::test]
async fn a_worker_that_is_stopped_at_its_first_look_gives_the_shard_up() {
    let world = shop().await;
    let first = work(&world).await;
    world.opened().await;
    first.stop().await;
    assert_eq!(owner(&world).await, None);
    // The next takes the shard, and gets no further than the epochs.
    let mut blocker = world.pool.acquire().await.unwrap();
    let lock = "LOCK TABLES journal_epoch WRITE";
    sqlx::raw_sql(lock).execute(&mut *blocker).await.unwrap();
    let second = work(&world).await;
    eventually("it owns the shard", async || owner(&world).await.is_some()).await;
    second.stop().await;
    assert_eq!(owner(&world).await, None);
    sqlx::raw_sql("UNLOCK TABLES")
        .execute(&mut *blocker)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_worker_stands_by_while_another_owns_the_shard() {
    let world = shop().await;
    let first = work(&world).await;
    world.opened().await;
    let second = work(&world).await;
    eventually("standing by", async || {
        matches!(second.status.phase(), Phase::Standby { .. })
    })
    .await;
    world.put("c", "sku", 10).await;
    world.at_rest().await;
    assert_eq!(second.status.entries_applied.load(Ordering::Relaxed), 0);
    assert_eq!(second.status.lag_ms(), 0, "that is the owner's to say");
    let owned = world.cursor().await;
    first.stop().await;
    // It gave the shard up: nobody has to wait for the lease to run out.
    let given = world.cursor().await;
    assert!(
        given.owner.is_none() || given.token > owned.token,
        "{given:?}"
    );
    world.put("d", "sku", 11).await;
    eventually("the second follows", async || {
        second.status.phase() == Phase::Following
    })
    .await;
    world.agree().await;
    books::check(&world).await;
    second.follows().await;
}

#[tokio::test]
async fn a_worker_that_lost_the_shard_in_a_rebuild_does_not_go_on_with_it() {
    let world = shop().await;
    let worker = work(&world).await;
    let epoch = world.opened().await;
    let mut workload = Workload::new(70);
    workload.begin(&world).await;
    for index in 0..3_000 {
        let count = count(&format!("count-{index}"), &format!("many-{index}"), 5);
        world
            .engine
            .count(S, &count, soon())
            .await
            .unwrap()
            .unwrap();
    }
    world.at_rest().await;
    world.raw(&["FLUSHALL"]);
    eventually(
        "the rebuild has begun",
        async || matches!(world.survey().await.meta, Some(meta) if meta.token.is_some()),
    )
    .await;
    // Somebody takes the shard over.
    world
        .sql(&[
            "UPDATE journal_cursor SET owner = 'another', token = token + 1,
                lease_until = NOW(3) + INTERVAL 3 SECOND",
        ])
        .await;
    let next = world.opened_after(epoch).await;
    world.agree().await;
    books::check(&world).await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    world.agree().await;
    assert!(next > epoch);
    worker.follows().await;
}

#[tokio::test]
async fn mariadb_may_go_and_come_back() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let world = shop_on(&mariadb).await;
    let worker = work(&world).await;
    world.opened().await;
    let mut workload = Workload::new(71);
    workload.begin(&world).await;
    for turn in 0..2 {
        for _ in 0..30 {
            workload.step(&world).await;
        }
        match turn {
            0 => mariadb.kill9().unwrap(),
            _ => mariadb.stop().unwrap(),
        }
        // Redis does not need it.
        for _ in 0..30 {
            workload.step(&world).await;
        }
        eventually("the worker says so", async || {
            matches!(worker.status.phase(), Phase::Waiting { why } if why.contains("MariaDB"))
        })
        .await;
        assert!(!worker.status.database_up.load(Ordering::Relaxed));
        mariadb.start_again().unwrap();
        world.agree().await;
        books::check(&world).await;
    }
    worker.follows().await;
    assert!(worker.status.database_up.load(Ordering::Relaxed));
    assert_eq!(world.kinds().await, ["REBUILT"]);
    worker.stop().await;
}

#[tokio::test]
async fn the_lag_grows_while_mariadb_is_away() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let world = shop_on(&mariadb).await;
    let worker = work(&world).await;
    world.opened().await;
    world.put("c", "sku", 10).await;
    world.at_rest().await;
    let level = async || {
        eventually("level", async || worker.status.lag_ms() == 0).await;
    };
    level().await;
    mariadb.kill9().unwrap();
    // Nothing happens, and nobody can know that.
    let fresh = u64::try_from(LEVEL_FRESH.as_millis()).unwrap();
    eventually("it is not known to be level", async || {
        worker.status.lag_ms() > fresh
    })
    .await;
    world.put("d", "sku", 11).await;
    let before = worker.status.lag_ms();
    eventually("it goes on", async || worker.status.lag_ms() > before + 500).await;
    mariadb.start_again().unwrap();
    world.agree().await;
    level().await;
    worker.stop().await;
}

#[tokio::test]
async fn a_lease_from_before_the_databases_clock_went_back_is_taken() {
    let world = shop().await;
    let (pool, lineage) = (&world.pool, "0123456789abcdef0123456789abcdef");
    let state = cursor::CursorState::Following;
    cursor::insert(pool, S, lineage, state).await.unwrap();
    let lease = async |owner: &str| cursor::lease(pool, S, owner).await.unwrap();
    assert_eq!(lease("one").await, Some(1));
    // Between the clocks of two databases there may be a little.
    let ends_in = async |after: Duration| {
        let sql = "UPDATE journal_cursor SET lease_until = NOW(3) + INTERVAL ? SECOND";
        let set = sqlx::query(sql).bind(after.as_secs()).execute(pool).await;
        set.unwrap();
    };
    ends_in(LEASE * 2 - Duration::from_secs(1)).await;
    assert_eq!(lease("two").await, None);
    ends_in(Duration::from_secs(3_600)).await;
    assert_eq!(lease("two").await, Some(2));
    assert_eq!(lease("one").await, None);
}

#[tokio::test]
async fn redis_may_be_emptied_while_mariadb_is_away() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let world = shop_on(&mariadb).await;
    let worker = work(&world).await;
    let epoch = world.opened().await;
    let mut workload = Workload::new(72);
    workload.begin(&world).await;
    for _ in 0..60 {
        workload.step(&world).await;
    }
    world.at_rest().await;
    mariadb.kill9().unwrap();
    world.raw(&["FLUSHALL"]);
    eventually("the worker says so", async || {
        matches!(worker.status.phase(), Phase::Waiting { .. })
    })
    .await;
    assert_eq!(world.survey().await.meta, None);
    mariadb.start_again().unwrap();
    world.opened_after(epoch).await;
    world.agree().await;
    books::check(&world).await;
    worker.follows().await;
}

#[tokio::test]
async fn what_is_projected_and_old_leaves_the_journal() {
    let world = shop().await;
    let worker = work(&world).await;
    world.opened().await;
    world.put("c", "sku", 1_000_000).await;
    // Over 64 MiB, in entries of 128 holds with as much to keep as they may have.
    let metadata = format!("{{\"m\":\"{}\"}}", "x".repeat(1_000));
    let metadata = inventory_core::Metadata::from_compact_json(&metadata).unwrap();
    for batch in 0..560 {
        let commands: Vec<_> = (0..128)
            .map(|index| inventory_core::Reserve {
                metadata: Some(metadata.clone()),
                ..reserve(&format!("r-{batch}-{index}"), &[("sku", 1)])
            })
            .collect();
        for held in world.engine.reserve_batch(S, &commands, soon()).await {
            held.unwrap().unwrap();
        }
    }
    world.at_rest().await;
    eventually("old entries go", async || {
        let survey = world.survey().await;
        survey.first.unwrap().n > 0
    })
    .await;
    let survey = world.survey().await;
    assert_eq!(survey.last, Some(world.cursor().await.position));
    // The youngest stay.
    assert!(survey.entries > 300, "{}", survey.entries);
    worker.follows().await;
}

#[tokio::test]
async fn a_process_waits_for_both_stores_and_ends_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("nobody.sock");
    let redis = format!("redis+unix://{}", socket.display());
    let worker = process(&redis, "mysql://nobody@127.0.0.1:1/inventory");
    worker
        .wait_for_line(|line| line.contains("waiting"), Duration::from_secs(30))
        .unwrap();
    let log = worker.log();
    let address = listening(&log);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let ready = agent.get(&format!("http://{address}/readyz")).call();
    let mut ready = ready.unwrap();
    assert_eq!(ready.status(), 503);
    let text = ready.body_mut().read_to_string().unwrap();
    assert!(text.contains("MariaDB"), "{text}");
    let alive = agent.get(&format!("http://{address}/healthz")).call();
    assert_eq!(alive.unwrap().status(), 200);
    assert!(worker.terminate().unwrap().success());
}

fn listening(log: &str) -> String {
    let line = log.lines().find(|line| line.contains("listening")).unwrap();
    let at = line.find("address=").unwrap() + "address=".len();
    let address = &line[at..];
    address.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn bad_configuration_is_listed_and_ends_with_64() {
    let worker = ServerProcess::builder(Path::new(WORKER))
        .without_env("SYNC_")
        .args([
            "run",
            "--ops-listen=0.0.0.0:8090",
            "--kafka-brokers=h:1",
            "--no-kafka",
        ])
        .start()
        .unwrap();
    let status = worker.wait_for_exit(Duration::from_secs(30)).unwrap();
    assert_eq!(status.code(), Some(64));
    let log = worker.log();
    for problem in ["not loopback", "--no-kafka", "--kafka-brokers"] {
        assert!(log.contains(problem), "{problem}: {log}");
    }
}

#[tokio::test]
async fn a_redis_that_is_refused_ends_with_64() {
    let redis = RedisServer::builder()
        .arg("maxmemory-policy", "allkeys-lru")
        .start()
        .unwrap();
    let worker = process(&redis.url(), &database_url());
    let status = worker.wait_for_exit(Duration::from_secs(30)).unwrap();
    assert_eq!(status.code(), Some(64), "{}", worker.log());
    assert!(worker.log().contains("noeviction"), "{}", worker.log());
}
