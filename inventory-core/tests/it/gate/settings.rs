//! What a Redis must be set to, and who opens a shard in which mode.

use std::sync::Arc;

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{ConnectError, Durability, Engine, EngineConfig, ProjectionMode},
    *,
};

use super::{fenced_because, is_fenced, meta, restart, store_in};
use crate::{
    ledger::{check_books, entries},
    support::*,
};

#[tokio::test]
async fn a_restart_opens_again_by_itself_in_mode_auto() {
    let store = store_in(ProjectionMode::Auto, redis_with_aof(Appendonly::Always)).await;
    let before = store.epoch();
    restart(&store.redis);
    store.in_epoch_after(before).await;
    check_books(&store).await;
}

#[tokio::test]
async fn a_durability_weaker_than_asked_is_refused_with_the_lines_to_type() {
    let asked = |redis: &RedisServer, durability| EngineConfig {
        durability,
        ..config(redis)
    };
    for (appendonly, wanted) in [
        (Appendonly::No, Durability::Everysec),
        (Appendonly::No, Durability::Always),
        (Appendonly::Everysec, Durability::Always),
    ] {
        let redis = redis_with_aof(appendonly);
        let refused = Engine::connect(asked(&redis, wanted)).await.unwrap_err();
        let ConnectError::Refused(problems) = refused else {
            panic!("{refused}")
        };
        assert_eq!(problems.len(), 1);
        let typed: Vec<_> = problems[0]
            .lines()
            .filter_map(|line| line.trim().strip_prefix("redis-cli "))
            .collect();
        assert_eq!(typed.len(), 2, "{problems:?}");
        for line in typed {
            raw(&redis, &line.split(' ').collect::<Vec<_>>());
        }
        let engine = connect(asked(&redis, wanted)).await;
        let status = engine.status(S, soon()).await.unwrap();
        assert_eq!(status.durability, wanted.as_str());
    }
    let stronger = redis_with_aof(Appendonly::Always);
    connect(asked(&stronger, Durability::Everysec)).await;
    raw(
        &stronger,
        &["CONFIG", "SET", "no-appendfsync-on-rewrite", "yes"],
    );
    let refused = Engine::connect(asked(&stronger, Durability::Always)).await;
    assert!(matches!(refused, Err(ConnectError::Refused(_))));
}

#[tokio::test]
async fn a_durability_weakened_while_running_fences_until_it_is_mended() {
    let redis = redis_with_aof(Appendonly::Always);
    let engine = connect(EngineConfig {
        durability: Durability::Always,
        ..config(&redis)
    })
    .await;
    let epoch = engine.gate(S).unwrap();
    raw(&redis, &["CONFIG", "SET", "appendfsync", "everysec"]);
    fenced_because(&engine, "weaker than --durability always").await;
    assert!(is_fenced(&engine, "r").await);
    raw(&redis, &["CONFIG", "SET", "appendfsync", "always"]);
    let opened = engine.opened(S, soon()).await;
    assert_eq!(opened, Ok(epoch), "nothing was lost: the epoch goes on");
}

#[tokio::test]
async fn an_eviction_policy_is_refused_at_start_and_later() {
    let redis = plain_redis();
    let engine = connect(config(&redis)).await;
    raw(
        &redis,
        &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
    );
    let refused = Engine::connect(config(&redis)).await.unwrap_err();
    assert!(refused.to_string().contains("maxmemory-policy noeviction"));
    fenced_because(&engine, "allkeys-lru").await;
    let unverified = EngineConfig {
        durability_unverified: true,
        ..config(&redis)
    };
    let refused = Engine::connect(unverified).await.unwrap_err();
    assert!(refused.to_string().contains("maxmemory-policy noeviction"));
}

#[tokio::test]
async fn a_master_that_would_write_without_its_replicas_is_refused() {
    let redis = redis_to_copy().start().unwrap();
    let replica = plain_redis();
    let port = redis.tcp_port().unwrap().to_string();
    raw(&replica, &["REPLICAOF", "127.0.0.1", &port]);
    eventually("the replica is attached", async || {
        let info = raw(&redis, &["INFO", "replication"]).text().unwrap();
        info.contains("state=online")
    })
    .await;
    let refused = Engine::connect(config(&redis)).await.unwrap_err();
    let typed = "CONFIG SET min-replicas-to-write 1";
    assert!(refused.to_string().contains(typed), "{refused}");
    raw(&redis, &typed.split(' ').collect::<Vec<_>>());
    eventually("the replica counts", async || {
        info(&redis, "min_slaves_good_slaves") == "1"
    })
    .await;
    let engine = connect(config(&redis)).await;
    engine.gate(S).unwrap();

    let on_replica = connect(config(&replica)).await;
    assert!(on_replica.gate(S).unwrap_err().contains("is a replica"));
    // The master alone does not go on selling.
    replica.stop().unwrap();
    eventually("the replica is missed", async || {
        let command = count("n", "sku-1", 1);
        let answer = engine.count(S, &command, soon()).await;
        matches!(answer, Err(Fault::Unavailable(why)) if why.contains("NOREPLICAS"))
    })
    .await;
}

#[tokio::test]
async fn a_redis_without_config_is_taken_only_unverified() {
    let redis = plain_redis();
    raw(
        &redis,
        &[
            "ACL", "SETUSER", "managed", "on", ">secret", "~*", "+@all", "-config",
        ],
    );
    let url = format!("{}?user=managed&pass=secret", redis.url());
    let managed = EngineConfig {
        redis_url: url,
        ..config(&redis)
    };
    let refused = Engine::connect(managed.clone()).await.unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("--durability-unverified"), "{refused}");
    let engine = connect(EngineConfig {
        durability_unverified: true,
        ..managed
    })
    .await;
    engine.gate(S).unwrap();
    let status = engine.status(S, soon()).await.unwrap();
    assert_eq!(status.durability, "unverified");
}

#[tokio::test]
async fn mode_required_never_opens_a_shard_but_follows_whoever_does() {
    let redis = redis_with_aof(Appendonly::Always);
    let required = EngineConfig {
        projection: ProjectionMode::Required,
        ..config(&redis)
    };
    let engine = connect(required).await;
    fenced_because(&engine, "waiting for sync-worker").await;
    assert!(is_fenced(&engine, "r").await);
    assert_eq!(names(&redis), Vec::<String>::new());
    let id = rid("r");
    let read = engine.reservation(S, &id, soon()).await;
    assert!(matches!(read, Err(Fault::Fenced(_))), "never an untrue 404");
    let read = engine.stock(S, &[key("sku-1")], soon()).await;
    assert!(matches!(read, Err(Fault::Fenced(_))), "{read:?}");

    let opener = connect(config(&redis)).await;
    let first = opener.gate(S).unwrap();
    assert_eq!(engine.opened(S, soon()).await, Ok(first));
    let command = count("n", "sku-1", 5);
    engine.count(S, &command, soon()).await.unwrap().unwrap();
    drop(opener);
    restart(&redis);
    let command = reserve("r", &[("sku-1", 1)]);
    let cut_off = engine.reserve(S, &command, within(500)).await;
    assert!(matches!(cut_off, Err(Fault::OutcomeUnknown(_))));
    fenced_because(&engine, "waiting for sync-worker").await;
    let read = engine.stock(S, &[key("sku-1")], soon()).await.unwrap();
    assert!(read.stale && read.stocks[0].is_some());
    let page = engine.list_stock(S, None, 10, soon()).await.unwrap();
    assert!(page.stale && page.stocks.len() == 1);
    assert_eq!(meta(&redis, "epoch"), Some(first.to_string()));
}

#[tokio::test]
async fn an_attached_projection_makes_mode_auto_wait() {
    let store = store_in(ProjectionMode::Auto, redis_with_aof(Appendonly::Always)).await;
    store.raw(&["HSET", &k("meta"), "projection", "mariadb"]);
    restart(&store.redis);
    assert!(
        store
            .engine
            .adjust(S, &adjust("a", "sku-1", 1), within(500))
            .await
            .is_err()
    );
    fenced_because(&store.engine, "a projection is attached").await;
}

#[tokio::test]
async fn a_projection_seen_once_is_remembered_when_redis_is_emptied() {
    let store = store_in(ProjectionMode::Auto, plain_redis()).await;
    store.raw(&["HSET", &k("meta"), "projection", "mariadb"]);
    eventually("the projection is seen", async || {
        store.engine.status(S, soon()).await.unwrap().projected
    })
    .await;
    store.raw(&["FLUSHALL"]);
    assert!(is_fenced(&store.engine, "r").await);
    fenced_because(&store.engine, "a projection is attached").await;
    assert_eq!(names(&store.redis), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_with_more_shards_is_refused() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    store.raw(&["HSET", &k("meta"), "shards", "2"]);
    let refused = Engine::connect(config(&store.redis)).await.unwrap_err();
    assert!(refused.to_string().contains("2 shards"), "{refused}");
    fenced_because(&store.engine, "2 shards").await;
}

#[tokio::test]
async fn nobody_there_and_a_url_that_makes_no_sense_are_told_apart() {
    let redis = plain_redis();
    let there = config(&redis);
    redis.stop().unwrap();
    let nobody = Engine::connect(there.clone()).await.unwrap_err();
    assert!(matches!(nobody, ConnectError::Unreachable(_)), "{nobody}");
    let senseless = Engine::connect(EngineConfig {
        redis_url: "postgres://x".to_owned(),
        ..there
    });
    let senseless = senseless.await.unwrap_err();
    assert!(matches!(senseless, ConnectError::Url(_)), "{senseless}");
}

#[tokio::test]
async fn an_aof_turned_on_just_now_does_not_count_until_it_is_written() {
    let redis = RedisServer::builder().arg("rdb-key-save-delay", "1000000");
    let redis = Arc::new(redis.start().unwrap());
    // A second for each: nobody waits for the end of that.
    for i in 0..60 {
        raw(&redis, &["SET", &format!("other-{i}"), "x"]);
    }
    let always = EngineConfig {
        durability: Durability::Always,
        ..config(&redis)
    };
    let refused = Engine::connect(always.clone()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused(_)), "{refused}");
    raw(&redis, &["CONFIG", "SET", "appendonly", "yes"]);
    raw(&redis, &["CONFIG", "SET", "appendfsync", "always"]);
    let engine = connect(always).await;
    fenced_because(&engine, "append-only file").await;
    assert_eq!(info(&redis, "aof_rewrite_in_progress"), "1");
    // Off ends the process that writes; the next one is done at once.
    raw(&redis, &["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    raw(&redis, &["CONFIG", "SET", "appendonly", "no"]);
    raw(&redis, &["CONFIG", "SET", "appendonly", "yes"]);
    engine.opened(S, within(30_000)).await.unwrap();
    assert_eq!(info(&redis, "aof_rewrite_in_progress"), "0");
}

#[tokio::test]
async fn a_store_emptied_under_auto_is_counted_once_and_stays_closed() {
    let store = store_in(ProjectionMode::Auto, plain_redis()).await;
    let seen = entries(&store.engine).await.len();
    store.raw(&["FLUSHALL"]);
    assert!(is_fenced(&store.engine, "r").await);
    fenced_because(&store.engine, "emptied").await;
    assert_eq!(store.lost_entries().await, u64::try_from(seen).unwrap());
    assert!(is_fenced(&store.engine, "r").await);
    assert_eq!(store.lost_entries().await, u64::try_from(seen).unwrap());
}
