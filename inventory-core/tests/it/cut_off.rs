//! Calls whose answer does not come: settled and repeated, or owned up to as unknown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{Engine, EngineConfig, Held, ShardClock},
    *,
};

use crate::{ledger::check_books, support::*};

const CALL_TIMEOUT: Duration = Duration::from_millis(150);

async fn impatient_store(redis: RedisServer) -> Store {
    let redis = Arc::new(redis);
    let config = EngineConfig {
        call_timeout: CALL_TIMEOUT,
        ..config(&redis)
    };
    let store = Store {
        engine: connect(config).await,
        redis,
        clock: ShardClock::Redis,
    };
    let first = count("first", "sku-1", 100);
    eventually("there is stock", async || {
        let counted = store.engine.count(S, &first, soon()).await;
        counted.is_ok()
    })
    .await;
    store
}

fn server() -> RedisServer {
    RedisServer::builder().start().unwrap()
}

/// Script calls that Redis has executed, whatever their outcome.
fn executed(redis: &RedisServer) -> u64 {
    let stats = info(redis, "cmdstat_evalsha");
    let calls = stats.strip_prefix("calls=").unwrap();
    calls.split_once(',').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_call_cut_off_by_a_stopped_redis_is_settled_and_repeated_within_its_deadline() {
    let store = impatient_store(server()).await;
    for round in 0..5 {
        let id = format!("r-{round}");
        let command = reserve(&id, &[("sku-1", 1)]);
        store.redis.pause().unwrap();
        let mut call = std::pin::pin!(store.engine.reserve(S, &command, within(15_000)));
        let cut_off = tokio::time::timeout(3 * CALL_TIMEOUT, &mut call).await;
        assert!(cut_off.is_err(), "a stopped Redis answers nothing");
        store.redis.resume().unwrap();
        call.await.unwrap().unwrap();
        assert_eq!(store.figures("sku-1").await, (99 - round, 1 + round, 0));
    }
    check_books(&store).await;
}

#[tokio::test]
async fn beyond_the_deadline_the_outcome_is_unknown_and_a_repeat_finds_one_hold() {
    let store = impatient_store(server()).await;
    let command = reserve("r", &[("sku-1", 1)]);
    let sold = confirm("r");
    store.redis.pause().unwrap();
    let asked = Instant::now();
    let fault = store.engine.reserve(S, &command, within(500)).await;
    assert!(matches!(fault, Err(Fault::OutcomeUnknown(_))), "{fault:?}");
    assert!(asked.elapsed() < Duration::from_secs(2));
    store.redis.resume().unwrap();
    store.hold(&command).await.unwrap();
    assert_eq!(store.figures("sku-1").await, (99, 1, 0));

    store.redis.pause().unwrap();
    // Not sent at all if its connection was tried first and did not answer.
    let fault = store.engine.confirm(S, &sold, within(500)).await;
    let fault = fault.unwrap_err();
    assert!(matches!(
        fault,
        Fault::OutcomeUnknown(_) | Fault::Unavailable(_)
    ));
    store.redis.resume().unwrap();
    store.confirm(&sold).await.unwrap();
    assert_eq!(store.figures("sku-1").await, (99, 0, 1));
    check_books(&store).await;
}

#[tokio::test]
async fn what_was_cut_off_never_executes_after_the_repeat_has_answered() {
    let store = impatient_store(server()).await;
    let before = executed(&store.redis);
    // Redis reads the call and keeps it back: a write, for as long as the pause lasts.
    store.raw(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    let command = reserve("r", &[("sku-1", 1)]);
    let mut call = std::pin::pin!(store.engine.reserve(S, &command, within(15_000)));
    let cut_off = tokio::time::timeout(6 * CALL_TIMEOUT, &mut call).await;
    assert!(cut_off.is_err(), "a paused Redis answers nothing");
    store.raw(&["CLIENT", "UNPAUSE"]);
    let held = call.await.unwrap().unwrap();
    // Sent several times, executed once; or twice if the answer to the first came too late.
    let answered = executed(&store.redis);
    let times = if held.replayed { 2 } else { 1 };
    assert_eq!(answered, before + times);
    let all = raw(&store.redis, &["CLIENT", "LIST"]).text().unwrap();
    assert!(!all.contains("flags=b"), "somebody still waits: {all}");
    assert_eq!(executed(&store.redis), answered);
    check_books(&store).await;
}

#[tokio::test]
async fn a_call_without_time_left_is_not_sent() {
    let store = impatient_store(server()).await;
    let before = executed(&store.redis);
    let command = reserve("r", &[("sku-1", 1)]);
    let fault = store.engine.reserve(S, &command, within(0)).await;
    assert!(matches!(fault, Err(Fault::Unavailable(_))), "{fault:?}");
    let fault = store.engine.confirm(S, &confirm("r"), within(0)).await;
    assert!(matches!(fault, Err(Fault::Unavailable(_))), "{fault:?}");
    assert_eq!(executed(&store.redis), before);
}

#[tokio::test]
async fn a_short_pause_only_delays_the_answer() {
    let store = impatient_store(server()).await;
    store.raw(&["CLIENT", "PAUSE", "50", "ALL"]);
    store.reserve("r", &[("sku-1", 1)]).await.unwrap();
    let status = store.engine.status(S, soon()).await.unwrap();
    assert_eq!(status.fences, 0);
}

#[tokio::test]
async fn a_redis_that_is_gone_for_good_is_reported_as_unavailable_quickly() {
    let store = impatient_store(server()).await;
    store.reserve("before", &[("sku-1", 1)]).await.unwrap();
    store.redis.kill9().unwrap();
    // Sent into a connection that died: nobody can tell.
    let first = reserve("r", &[("sku-1", 1)]);
    let fault = store.engine.reserve(S, &first, within(300)).await;
    let fault = fault.unwrap_err();
    assert!(matches!(
        fault,
        Fault::OutcomeUnknown(_) | Fault::Unavailable(_)
    ));
    let asked = Instant::now();
    let (before, other) = (confirm("before"), reserve("other", &[("sku-1", 1)]));
    for _ in 0..20 {
        let fault = store.engine.reserve(S, &other, soon()).await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
        let fault = store.engine.confirm(S, &before, soon()).await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
        let fault = store.engine.stock(S, &[key("sku-1")], soon()).await;
        assert!(matches!(fault, Err(Fault::Unavailable(_))), "{fault:?}");
    }
    assert!(asked.elapsed() < Duration::from_secs(2));
}

/// As a caller does who is told that the call did not take effect.
async fn until_available<T, F>(mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Fault>>,
{
    loop {
        match call().await {
            Err(Fault::Unavailable(_)) => tokio::task::yield_now().await,
            answer => return answer.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_under_load_cost_no_call_and_no_unit() {
    let store = impatient_store(server()).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..40 {
        let engine = store.engine.clone();
        callers.spawn(async move {
            for turn in 0..15 {
                let id = format!("r-{caller}-{turn}");
                let (take, drop) = (reserve(&id, &[("sku-1", 1)]), release(&id));
                let held = until_available(|| engine.reserve(S, &take, within(15_000))).await;
                if held.is_ok() {
                    let answer = until_available(|| engine.release(S, &drop, within(15_000)));
                    assert_eq!(answer.await.unwrap().value.status, Status::Released);
                }
            }
        });
    }
    let done = AtomicBool::new(false);
    let kill = async {
        let mut killed = 0;
        while !done.load(Ordering::Relaxed) {
            killed += store
                .raw(&["CLIENT", "KILL", "TYPE", "normal"])
                .integer()
                .unwrap();
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        killed
    };
    let join = async {
        callers.join_all().await;
        done.store(true, Ordering::Relaxed);
    };
    let ((), killed) = tokio::join!(join, kill);
    assert!(killed > 10, "only {killed} connections were killed");
    assert_eq!(store.figures("sku-1").await, (100, 0, 0));
    check_books(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stops_again_and_again_under_load_costs_no_call_and_no_unit() {
    let store = impatient_store(server()).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..30 {
        let engine = store.engine.clone();
        callers.spawn(async move {
            for turn in 0..8 {
                let id = format!("r-{caller}-{turn}");
                let (more, take) = (adjust(&id, "sku-1", 1), reserve(&id, &[("sku-1", 1)]));
                let done = until_available(|| engine.adjust(S, &more, within(20_000))).await;
                done.unwrap();
                let held = until_available(|| engine.reserve(S, &take, within(20_000))).await;
                held.unwrap();
            }
        });
    }
    let done = AtomicBool::new(false);
    let stop = async {
        while !done.load(Ordering::Relaxed) {
            store.redis.pause().unwrap();
            tokio::time::sleep(CALL_TIMEOUT + Duration::from_millis(30)).await;
            store.redis.resume().unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let join = async {
        callers.join_all().await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(join, stop);
    assert_eq!(store.figures("sku-1").await, (100, 240, 0));
    check_books(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_loads_its_data_is_waited_for() {
    let redis = RedisServer::builder()
        .appendonly(Appendonly::Everysec)
        .arg("key-load-delay", "150");
    let store = live_store_on(Arc::new(redis.start().unwrap())).await;
    store.put("sku-1", 10_000).await;
    for i in 0..1_000 {
        let id = format!("r-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    let before = store.epoch();
    store.redis.stop().unwrap();
    let redis = Arc::clone(&store.redis);
    let started = tokio::task::spawn_blocking(move || redis.start_again().unwrap());
    eventually("redis is loading", async || {
        let answer = store.redis.command(&["PING"]);
        answer.is_err_and(|error| error.to_string().contains("LOADING"))
    })
    .await;
    let fresh = connect(config(&store.redis)).await;
    assert!(fresh.gate(S).is_err());
    let id = rid("r-0");
    let fault = fresh.reservation(S, &id, soon()).await;
    assert!(matches!(fault, Err(Fault::Fenced(_))), "{fault:?}");
    // Cut off by the restart, refused while Redis loads, answered in the end.
    let after = reserve("after", &[("sku-1", 1)]);
    let held = store.engine.reserve(S, &after, within(20_000)).await;
    assert!(matches!(held.unwrap().unwrap().value, Held::New { .. }));
    assert!(store.epoch() > before);
    started.await.unwrap();
    assert_eq!(store.figures("sku-1").await, (8_999, 1_001, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_redis_is_unavailable_and_not_fenced() {
    let redis = RedisServer::builder().arg("busy-reply-threshold", "20");
    let store = live_store_on(Arc::new(redis.start().unwrap())).await;
    store.put("sku-1", 10).await;
    let redis = Arc::clone(&store.redis);
    let endless =
        tokio::task::spawn_blocking(move || redis.command(&["EVAL", "while true do end", "0"]));
    eventually("redis is busy", async || {
        let answer = store.redis.command(&["PING"]);
        answer.is_err_and(|error| error.to_string().contains("BUSY"))
    })
    .await;
    let command = reserve("r", &[("sku-1", 1)]);
    let fault = store.engine.reserve(S, &command, soon()).await.unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
    store.raw(&["SCRIPT", "KILL"]);
    assert!(endless.await.unwrap().is_err());
    store.hold(&command).await.unwrap();
    let status = store.engine.status(S, soon()).await.unwrap();
    assert_eq!(status.fences, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_cut_off_by_a_restart_is_repeated_though_another_engine_opened_the_shard() {
    let redis = RedisServer::builder().appendonly(Appendonly::Always);
    let store = impatient_store(redis.start().unwrap()).await;
    let others: Vec<Engine> = vec![
        connect(config(&store.redis)).await,
        connect(config(&store.redis)).await,
    ];
    for round in 0..5 {
        let before = store.epoch();
        store.redis.kill9().unwrap();
        let id = format!("r-{round}");
        let command = reserve(&id, &[("sku-1", 1)]);
        let call = store.engine.reserve(S, &command, within(15_000));
        let restart = async { store.redis.start_again().unwrap() };
        let open = in_epoch_after(&others[round % 2], before);
        let (held, (), epoch) = tokio::join!(call, restart, open);
        held.unwrap().unwrap();
        assert_eq!(store.epoch(), epoch);
    }
    assert_eq!(store.figures("sku-1").await, (95, 5, 0));
    check_books(&store).await;
}
