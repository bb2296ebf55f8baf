//! The lives of a Redis: restarted, emptied, taken over, an old copy of itself.

use std::{fs, path::Path, sync::atomic::Ordering};

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{EngineConfig, Held, ProjectionMode, RestoreStep, ShardClock},
    *,
};

use super::{blessings, fenced_because, is_fenced, meta, restart, store_in, until_open};
use crate::{
    ledger::{check_books, entries},
    support::*,
};

#[tokio::test]
async fn a_restart_is_fenced_and_goes_on_in_a_higher_epoch_without_loss() {
    let store = store_in(ProjectionMode::None, redis_with_aof(Appendonly::Always)).await;
    let before = store.epoch();
    restart(&store.redis);
    // Cut off on the dead connection, settled and repeated in the new life.
    let again = store.reserve("after", &[("sku-1", 1)]).await.unwrap();
    assert!(matches!(again.value, Held::New { .. }));
    assert!(store.epoch() > before);
    let status = store.engine.status(S, soon()).await.unwrap();
    // None if the keeper looked just then and took part in the new epoch before any call came.
    assert!(status.fences <= 1, "{status:?}");
    assert_eq!(status.lost_entries, 0);
    assert_eq!(store.status_of("before").await, Some(Status::Reserved));
    check_books(&store).await;
}

#[tokio::test]
async fn every_kind_of_call_survives_a_restart() {
    let store = store_in(ProjectionMode::None, redis_with_aof(Appendonly::Always)).await;
    // All connections of the pool are in use at least once.
    let mut calls = tokio::task::JoinSet::new();
    for i in 0..40 {
        let engine = store.engine.clone();
        let command = adjust(&format!("warm-{i}"), "sku-1", 1);
        calls.spawn(async move { engine.adjust(S, &command, soon()).await });
    }
    calls.join_all().await;
    store.put("sku-2", 0).await;
    let engine = &store.engine;
    let restarted = || restart(&store.redis);
    restarted();
    assert_eq!(store.figures("sku-1").await, (139, 1, 0));
    restarted();
    let page = store.engine.list_stock(S, None, 10, soon()).await.unwrap();
    assert_eq!(page.stocks.len(), 2);
    restarted();
    let id = rid("before");
    let read = until_open(|| engine.reservation(S, &id, soon())).await;
    assert_eq!(read.unwrap().reservation.status, Status::Reserved);
    restarted();
    // This call looks at the life of Redis, and fences, unless the keeper was faster.
    let before = store.epoch();
    let status = store.engine.status(S, soon()).await.unwrap();
    assert!(status.fenced.is_some() || status.epoch > Some(before));
    store.in_epoch_after(before).await;
    restarted();
    let command = extend("before", 1_000_000);
    let done = until_open(|| engine.extend(S, &command, soon())).await;
    done.unwrap();
    restarted();
    let command = confirm("before");
    let done = until_open(|| engine.confirm(S, &command, soon())).await;
    done.unwrap();
    restarted();
    let command = give_back("before", "ret", &[]);
    let done = until_open(|| engine.return_goods(S, &command, soon())).await;
    done.unwrap();
    restarted();
    let command = adjust("later", "sku-1", 1);
    let done = until_open(|| engine.adjust(S, &command, soon())).await;
    done.unwrap();
    restarted();
    let bite = Expire { max: 1 };
    until_open(|| engine.expire(S, bite, soon())).await;
    restarted();
    let command = Retire {
        key: key("sku-2"),
        context: Context::default(),
    };
    let done = until_open(|| engine.retire(S, &command, soon())).await;
    done.unwrap();
    assert_eq!(store.figures("sku-1").await, (141, 0, 0));
    check_books(&store).await;
}

#[tokio::test]
async fn an_emptied_redis_begins_a_new_lineage_where_there_is_no_projection() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    let (before, lineage) = (store.epoch(), meta(&store.redis, "lineage"));
    let gone = entries(&store.engine).await.len();
    store.raw(&["FLUSHALL"]);
    assert!(is_fenced(&store.engine, "r").await);
    let after = store.in_epoch_after(before).await;
    assert_ne!(meta(&store.redis, "lineage"), lineage);
    assert_eq!(store.lost_entries().await, u64::try_from(gone).unwrap());
    assert_eq!(blessings(&entries(&store.engine).await), [after]);
    assert_eq!(store.status_of("before").await, None);
}

#[tokio::test]
async fn an_emptied_redis_is_not_begun_anew_by_a_process_that_saw_it_populated() {
    let store = store_in(ProjectionMode::Auto, plain_redis()).await;
    let gone = entries(&store.engine).await.len();
    store.raw(&["FLUSHALL"]);
    assert!(is_fenced(&store.engine, "r").await);
    fenced_because(&store.engine, "will not start it anew").await;
    assert_eq!(names(&store.redis), Vec::<String>::new());
    assert!(is_fenced(&store.engine, "r").await);

    let fresh = connect(EngineConfig {
        projection: ProjectionMode::Auto,
        ..config(&store.redis)
    })
    .await;
    let epoch = fresh.gate(S).unwrap();
    eventually("the other one adopts it", async || {
        store.engine.gate(S) == Ok(epoch)
    })
    .await;
    assert_eq!(store.lost_entries().await, u64::try_from(gone).unwrap());
}

#[tokio::test]
async fn a_redis_that_was_a_replica_for_a_moment_is_fenced() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    let other = redis_to_copy().start().unwrap();
    let before = store.epoch();
    let port = other.tcp_port().unwrap().to_string();
    // Not long enough for anything to be copied: only its replication id changes.
    store.raw(&["REPLICAOF", "127.0.0.1", &port]);
    store.raw(&["REPLICAOF", "NO", "ONE"]);
    assert!(is_fenced(&store.engine, "r").await);
    store.in_epoch_after(before).await;
}

#[tokio::test]
async fn a_redis_that_took_over_another_ones_data_is_fenced() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    let other = redis_to_copy().start().unwrap();
    let (before, lineage) = (store.epoch(), meta(&store.redis, "lineage"));
    let gone = entries(&store.engine).await.len();
    let port = other.tcp_port().unwrap().to_string();
    store.raw(&["REPLICAOF", "127.0.0.1", &port]);
    eventually("the other one's data is here", async || {
        names(&store.redis).is_empty()
    })
    .await;
    let command = reserve("r", &[("sku-1", 1)]);
    let fault = store.engine.reserve(S, &command, soon()).await.unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_) | Fault::Fenced(_)));
    fenced_because(&store.engine, "is a replica").await;
    store.raw(&["REPLICAOF", "NO", "ONE"]);
    store.in_epoch_after(before).await;
    assert_ne!(meta(&store.redis, "lineage"), lineage);
    assert_eq!(store.lost_entries().await, u64::try_from(gone).unwrap());
}

#[tokio::test]
async fn a_redis_that_took_over_an_old_copy_of_the_same_data_is_fenced() {
    let store = store_in(ProjectionMode::None, redis_with_aof(Appendonly::Always)).await;
    let (before, lineage) = (store.epoch(), meta(&store.redis, "lineage"));
    let copy = tempfile(&store.redis);
    copy_folder(store.redis.dir(), &copy);
    let other = redis_to_copy().appendonly(Appendonly::Always).dir(copy);
    let other = other.start().unwrap();
    for i in 0..5 {
        let id = format!("lost-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    let port = other.tcp_port().unwrap().to_string();
    store.raw(&["REPLICAOF", "127.0.0.1", &port]);
    eventually("the old copy is here", async || {
        info(&store.redis, "master_link_status") == "up"
            && store.raw(&["EXISTS", &k("rsv:lost-0")]).integer() == Some(0)
    })
    .await;
    store.raw(&["REPLICAOF", "NO", "ONE"]);
    let epoch = store.in_epoch_after(before).await;
    assert_eq!(meta(&store.redis, "lineage"), lineage);
    assert_eq!(store.lost_entries().await, 5);
    assert_eq!(blessings(&entries(&store.engine).await), [before, epoch]);
    assert_eq!(store.status_of("before").await, Some(Status::Reserved));
    assert_eq!(store.status_of("lost-0").await, None);
    check_books(&store).await;
}

/// A folder beside the data of a server, gone with it.
fn tempfile(redis: &RedisServer) -> std::path::PathBuf {
    redis.dir().with_file_name("copy")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn an_old_copy_put_under_a_live_connection_is_noticed_by_the_journal() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    let before = store.epoch();
    let old = store.dump();
    for i in 0..5 {
        let id = format!("lost-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    for name in names(&store.redis) {
        store.raw(&["DEL", &name]);
    }
    for (name, bytes) in old {
        let bytes = bytes.unwrap();
        store.raw(&[b"RESTORE", name.as_bytes(), b"0", &bytes]);
    }
    assert!(is_fenced(&store.engine, "first").await);
    store.in_epoch_after(before).await;
    assert_eq!(store.lost_entries().await, 5);
    store.reserve("second", &[("sku-1", 1)]).await.unwrap();
    check_books(&store).await;
}

#[tokio::test]
async fn a_deleted_journal_is_noticed() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    let before = store.epoch();
    let gone = entries(&store.engine).await.len();
    store.raw(&["DEL", &k("journal")]);
    assert!(is_fenced(&store.engine, "r").await);
    store.in_epoch_after(before).await;
    assert_eq!(store.lost_entries().await, u64::try_from(gone).unwrap());
}

#[tokio::test]
async fn engines_on_one_redis_agree_on_the_epoch_and_all_go_on() {
    let store = store_in(ProjectionMode::None, redis_with_aof(Appendonly::Always)).await;
    let mut engines = vec![store.engine.clone()];
    while engines.len() < 5 {
        engines.push(connect(config(&store.redis)).await);
    }
    let first = store.epoch();
    assert!(engines.iter().all(|engine| engine.gate(S) == Ok(first)));
    restart(&store.redis);
    let second = in_epoch_after(&engines[4], first).await;
    for (i, engine) in engines.iter().enumerate() {
        assert_eq!(in_epoch_after(engine, first).await, second);
        let id = format!("after-{i}");
        let command = reserve(&id, &[("sku-1", 1)]);
        let held = engine.reserve(S, &command, soon()).await;
        held.unwrap().unwrap();
    }
    assert_eq!(blessings(&entries(&store.engine).await), [first, second]);
    check_books(&store).await;
}

#[tokio::test]
async fn a_call_under_an_epoch_that_is_over_writes_nothing() {
    let store = store_in(ProjectionMode::None, redis_with_aof(Appendonly::Always)).await;
    let first = store.epoch();
    // Restarted and opened again by somebody else, so that Redis knows the scripts.
    restart(&store.redis);
    let other = connect(config(&store.redis)).await;
    let second = other.opened(S, soon()).await.unwrap();
    assert!(second > first);
    store.reserve("after", &[("sku-1", 1)]).await.unwrap();
    assert_eq!(store.epoch(), second);
    let record = store.record("after").await.unwrap();
    assert_eq!(record.last_change.epoch, second);
    check_books(&store).await;
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again_in_the_same_epoch() {
    let store = store_in(ProjectionMode::Required, {
        let redis = plain_redis();
        connect(config(&redis)).await;
        redis
    })
    .await;
    let epoch = store.epoch();
    store.raw(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.figures("sku-1").await, (99, 1, 0));
    eventually("reserve works again", async || {
        let command = reserve("after", &[("sku-1", 1)]);
        let answer = store.engine.reserve(S, &command, soon()).await;
        assert!(matches!(answer, Ok(Ok(_)) | Err(Fault::Fenced(_))));
        answer.is_ok()
    })
    .await;
    assert_eq!(store.epoch(), epoch);
    check_books(&store).await;
}

#[tokio::test]
async fn a_shard_that_is_being_restored_is_never_opened() {
    let store = store_in(ProjectionMode::None, redis_with_aof(Appendonly::Always)).await;
    store.raw(&["HSET", &k("meta"), "state", "RECOVERING", "token", "t"]);
    assert!(is_fenced(&store.engine, "r").await);
    fenced_because(&store.engine, "is being restored").await;
    restart(&store.redis);
    fenced_because(&store.engine, "is being restored").await;
    for mode in [ProjectionMode::None, ProjectionMode::Auto] {
        let other = connect(EngineConfig {
            projection: mode,
            ..config(&store.redis)
        })
        .await;
        fenced_because(&other, "is being restored").await;
    }
    let begin = RestoreStep::Begin {
        lineage: meta(&store.redis, "lineage").unwrap(),
        expected: None,
        even_open: false,
    };
    let conflict = store.engine.restore(S, "t2", &begin).await;
    assert!(matches!(conflict, Err(Fault::Fenced(_))));
    assert_eq!(meta(&store.redis, "state").as_deref(), Some("RECOVERING"));
}

#[tokio::test]
async fn an_epoch_never_comes_again_though_the_clock_goes_back() {
    let store = store_on(redis_with_aof(Appendonly::Always)).await;
    let ShardClock::Manual(clock) = &store.clock else {
        panic!("a clock of its own")
    };
    store.put("sku-1", 10).await;
    let first = store.epoch();
    assert_eq!(first, Epoch(T0.0));
    clock.store(T0.0 - 3_600_000, Ordering::SeqCst);
    restart(&store.redis);
    let second = store.in_epoch_after(first).await;
    assert_eq!(second, Epoch(T0.0 + 1));

    // Meta lost: the journal still knows.
    store.raw(&["DEL", &k("meta")]);
    assert!(is_fenced(&store.engine, "r").await);
    let third = store.in_epoch_after(second).await;
    // The journal's entries lost as well: its last id still stands.
    store.raw(&["DEL", &k("meta")]);
    store.raw(&["XTRIM", &k("journal"), "MAXLEN", "0"]);
    let forgetful = connect(EngineConfig {
        clock: store.clock.clone(),
        ..config(&store.redis)
    })
    .await;
    let fourth = forgetful.opened(S, soon()).await.unwrap();
    assert!(fourth > third);
    // All lost: this process still knows.
    assert_eq!(in_epoch_after(&store.engine, third).await, fourth);
    drop(forgetful);
    store.raw(&["FLUSHALL"]);
    assert!(is_fenced(&store.engine, "r").await);
    let fifth = store.in_epoch_after(fourth).await;
    assert!(fifth > fourth);

    clock.store(T0.0 + 5_000, Ordering::SeqCst);
    restart(&store.redis);
    assert_eq!(store.in_epoch_after(fifth).await, Epoch(T0.0 + 5_000));
}

#[tokio::test]
async fn an_entry_of_a_later_epoch_in_the_journal_is_passed_by_a_new_epoch() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    let before = store.epoch();
    let later = format!("{}-5", before.0 + 1_000_000);
    store.raw(&["XADD", &k("journal"), &later, "planted", "x"]);
    assert!(is_fenced(&store.engine, "r").await);
    let after = store.in_epoch_after(before).await;
    assert!(after.0 > before.0 + 1_000_000);
    store.reserve("r", &[("sku-1", 1)]).await.unwrap();
}

#[tokio::test]
async fn a_fenced_shard_never_says_that_a_stock_does_not_exist() {
    let store = store_in(ProjectionMode::None, plain_redis()).await;
    store.raw(&["HSET", &k("meta"), "state", "RECOVERING"]);
    let read = store.engine.stock(S, &[key("sku-1")], soon()).await;
    assert!(read.unwrap().stale);
    let asked = [key("sku-1"), key("not-there-yet")];
    let read = store.engine.stock(S, &asked, soon()).await;
    assert!(matches!(read, Err(Fault::Fenced(_))), "{read:?}");
}

/// Empties Redis and fills it again as a worker does, up to an entry of the epoch that was lost.
async fn rebuild(store: &Store, after: JournalId) -> Epoch {
    let worker = waiting(&store.redis).await;
    store.raw(&["FLUSHALL"]);
    assert!(is_fenced(&store.engine, "r").await);
    fenced_because(&store.engine, "a projection is attached").await;
    let begin = RestoreStep::Begin {
        lineage: "0123456789abcdef".to_owned(),
        expected: None,
        even_open: false,
    };
    worker.restore(S, "t", &begin).await.unwrap();
    let finish = RestoreStep::Finish {
        epoch: Epoch(after.epoch.0 + 1_000_000),
        after: Some(after),
        projection: Some("mariadb".to_owned()),
        who: "a worker".to_owned(),
        why: "a test".to_owned(),
    };
    worker.restore(S, "t", &finish).await.unwrap();
    store.in_epoch_after(after.epoch).await
}

#[tokio::test]
async fn what_a_restore_put_back_is_not_reported_as_lost() {
    for (kept_back, lost) in [(0, 0), (2, 2)] {
        let store = store_in(ProjectionMode::Auto, plain_redis()).await;
        let projection = ["HSET", &k("meta"), "projection", "mariadb"];
        store.raw(&projection);
        eventually("the projection is seen", async || {
            store.engine.status(S, soon()).await.unwrap().projected
        })
        .await;
        for i in 0..5 {
            let id = format!("r-{i}");
            store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
        }
        let last = entries(&store.engine).await.last().unwrap().id;
        let after = JournalId {
            n: last.n - kept_back,
            ..last
        };
        rebuild(&store, after).await;
        assert_eq!(store.lost_entries().await, lost);
    }
}

#[tokio::test]
async fn a_rolled_back_journal_that_a_restore_went_beyond_has_lost_only_what_is_left() {
    let store = store_in(ProjectionMode::Required, {
        let redis = plain_redis();
        // Blessed by another, as this one may not.
        drop(connect(config(&redis)).await);
        redis
    })
    .await;
    let old = store.dump();
    for i in 0..5 {
        let id = format!("r-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    let last = entries(&store.engine).await.last().unwrap().id;
    for name in names(&store.redis) {
        store.raw(&["DEL", &name]);
    }
    for (name, bytes) in old {
        let bytes = bytes.unwrap();
        store.raw(&[b"RESTORE", name.as_bytes(), b"0", &bytes]);
    }
    let seen = store.engine.survey(S).await.unwrap();
    assert_eq!(seen.last.unwrap().n + 5, last.n);
    let begin = RestoreStep::Begin {
        lineage: meta(&store.redis, "lineage").unwrap(),
        expected: Some(last.epoch),
        even_open: true,
    };
    store.engine.restore(S, "t", &begin).await.unwrap();
    let finish = RestoreStep::Finish {
        epoch: Epoch(last.epoch.0 + 1_000_000),
        after: Some(JournalId {
            n: last.n - 1,
            ..last
        }),
        projection: Some("mariadb".to_owned()),
        who: "a worker".to_owned(),
        why: "a test".to_owned(),
    };
    store.engine.restore(S, "t", &finish).await.unwrap();
    store.in_epoch_after(last.epoch).await;
    assert_eq!(store.lost_entries().await, 1);
}
