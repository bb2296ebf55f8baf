//! Calls whose answer does not come: settled and repeated, or owned up to as unknown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{Engine, EngineConfig, Held},
    *,
};

use crate::{ledger::check_books, support::*};

/// Short enough to pass while a test keeps Redis from answering. A loaded machine misses it now and
/// then as well, so only calls that are settled and repeated go through such an engine.
const CALL_TIMEOUT: Duration = Duration::from_millis(150);

/// A store with stock, which asks patiently, and an impatient engine on the same Redis.
async fn impatient(redis: RedisServer) -> (Store, Engine) {
    let store = live_store_on(Arc::new(redis)).await;
    store.put("sku-1", 100).await;
    let impatient = connect(EngineConfig {
        call_timeout: CALL_TIMEOUT,
        ..config(&store.redis)
    })
    .await;
    (store, impatient)
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
    let (store, engine) = impatient(server()).await;
    for round in 0..5 {
        let id = format!("r-{round}");
        let command = reserve(&id, &[("sku-1", 1)]);
        store.redis.pause().unwrap();
        let mut call = std::pin::pin!(engine.reserve(S, &command, soon()));
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
    let (store, engine) = impatient(server()).await;
    let command = reserve("r", &[("sku-1", 1)]);
    let sold = confirm("r");
    store.redis.pause().unwrap();
    let fault = engine.reserve(S, &command, within(2_000)).await;
    assert!(matches!(fault, Err(Fault::OutcomeUnknown(_))), "{fault:?}");
    store.redis.resume().unwrap();
    store.hold(&command).await.unwrap();
    assert_eq!(store.figures("sku-1").await, (99, 1, 0));

    store.redis.pause().unwrap();
    // Not sent at all if its connection was tried first and did not answer.
    let fault = engine.confirm(S, &sold, within(500)).await;
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
    let (store, engine) = impatient(server()).await;
    let before = executed(&store.redis);
    // Redis reads the call and keeps it back: a write, for as long as the pause lasts.
    store.raw(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    let command = reserve("r", &[("sku-1", 1)]);
    let mut call = std::pin::pin!(engine.reserve(S, &command, soon()));
    let cut_off = tokio::time::timeout(6 * CALL_TIMEOUT, &mut call).await;
    assert!(cut_off.is_err(), "a paused Redis answers nothing");
    store.raw(&["CLIENT", "UNPAUSE"]);
    let held = call.await.unwrap().unwrap();
    // Sent several times, executed once; or again for each answer that came too late.
    let answered = executed(&store.redis);
    assert_eq!(answered > before + 1, held.replayed, "{answered}, {before}");
    let all = raw(&store.redis, &["CLIENT", "LIST"]).text().unwrap();
    assert!(!all.contains("flags=b"), "somebody still waits: {all}");
    assert_eq!(executed(&store.redis), answered);
    check_books(&store).await;
}

#[tokio::test]
async fn a_call_without_time_left_is_not_sent() {
    let (store, engine) = impatient(server()).await;
    let before = executed(&store.redis);
    let command = reserve("r", &[("sku-1", 1)]);
    let fault = engine.reserve(S, &command, within(0)).await;
    assert!(matches!(fault, Err(Fault::Unavailable(_))), "{fault:?}");
    let fault = engine.confirm(S, &confirm("r"), within(0)).await;
    assert!(matches!(fault, Err(Fault::Unavailable(_))), "{fault:?}");
    assert_eq!(executed(&store.redis), before);
}

#[tokio::test]
async fn a_short_pause_only_delays_the_answer() {
    let (store, engine) = impatient(server()).await;
    store.raw(&["CLIENT", "PAUSE", "50", "ALL"]);
    let command = reserve("r", &[("sku-1", 1)]);
    engine.reserve(S, &command, soon()).await.unwrap().unwrap();
    let status = until_available(|| engine.status(S, soon())).await;
    assert_eq!(status.fences, 0);
}

#[tokio::test]
async fn a_redis_that_is_gone_for_good_is_reported_as_unavailable_quickly() {
    let (store, engine) = impatient(server()).await;
    store.reserve("before", &[("sku-1", 1)]).await.unwrap();
    store.redis.kill9().unwrap();
    // Sent into a connection that died: nobody can tell.
    let first = reserve("r", &[("sku-1", 1)]);
    let fault = engine.reserve(S, &first, within(300)).await;
    let fault = fault.unwrap_err();
    assert!(matches!(
        fault,
        Fault::OutcomeUnknown(_) | Fault::Unavailable(_)
    ));
    let asked = Instant::now();
    let (before, other) = (confirm("before"), reserve("other", &[("sku-1", 1)]));
    for _ in 0..20 {
        let fault = engine.reserve(S, &other, soon()).await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
        let fault = engine.confirm(S, &before, soon()).await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
        let fault = engine.stock(S, &[key("sku-1")], soon()).await;
        assert!(matches!(fault, Err(Fault::Unavailable(_))), "{fault:?}");
    }
    // All of them together in less than one of them might have taken.
    assert!(asked.elapsed() < Duration::from_secs(15));
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

/// Counts calls that have ended, so that whoever disturbs them leaves room for some to get through,
/// however slow the machine.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<AtomicUsize>);

impl Ended {
    fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until another call has ended, or all of them are `done`.
    async fn some_more(&self, done: &AtomicBool) {
        let before = self.0.load(Ordering::Relaxed);
        eventually("calls get through", async || {
            done.load(Ordering::Relaxed) || self.0.load(Ordering::Relaxed) > before
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_under_load_cost_no_call_and_no_unit() {
    let (store, engine) = impatient(server()).await;
    let ended = Ended::default();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..40 {
        let (engine, ended) = (engine.clone(), ended.clone());
        callers.spawn(async move {
            for turn in 0..15 {
                let id = format!("r-{caller}-{turn}");
                let (take, drop) = (reserve(&id, &[("sku-1", 1)]), release(&id));
                let held = until_available(|| engine.reserve(S, &take, soon())).await;
                ended.one_more();
                if held.is_ok() {
                    let answer = until_available(|| engine.release(S, &drop, soon()));
                    assert_eq!(answer.await.unwrap().value.status, Status::Released);
                    ended.one_more();
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
            tokio::join!(
                tokio::time::sleep(Duration::from_millis(7)),
                ended.some_more(&done)
            );
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
    let (store, engine) = impatient(server()).await;
    let ended = Ended::default();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..30 {
        let (engine, ended) = (engine.clone(), ended.clone());
        callers.spawn(async move {
            for turn in 0..8 {
                let id = format!("r-{caller}-{turn}");
                let (more, take) = (adjust(&id, "sku-1", 1), reserve(&id, &[("sku-1", 1)]));
                let done = until_available(|| engine.adjust(S, &more, soon())).await;
                done.unwrap();
                ended.one_more();
                let held = until_available(|| engine.reserve(S, &take, soon())).await;
                held.unwrap();
                ended.one_more();
            }
        });
    }
    let done = AtomicBool::new(false);
    let stop = async {
        while !done.load(Ordering::Relaxed) {
            store.redis.pause().unwrap();
            tokio::time::sleep(CALL_TIMEOUT + Duration::from_millis(30)).await;
            store.redis.resume().unwrap();
            tokio::join!(
                tokio::time::sleep(Duration::from_millis(20)),
                ended.some_more(&done)
            );
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
        .arg("key-load-delay", "500");
    let store = live_store_on(Arc::new(redis.start().unwrap())).await;
    store.put("sku-1", 10_000).await;
    store.reserve("r-0", &[("sku-1", 1)]).await.unwrap();
    // Loading it all would take far longer than anything here.
    let much = "for i = 1, 40000 do redis.call('SET', 'other:' .. i, '') end";
    store.raw(&["EVAL", much, "0"]);
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
    // Cut off by the restart, refused while Redis loads, answered in the end. It is told so, and has
    // to ask again, where the keeper found the connection dead first.
    let after = reserve("after", &[("sku-1", 1)]);
    let mut held = None;
    let call = eventually("it is answered", async || {
        match store.engine.reserve(S, &after, within(60_000)).await {
            Err(Fault::Unavailable(_) | Fault::Fenced(_)) => {}
            answer => held = Some(answer.unwrap().unwrap()),
        }
        held.is_some()
    });
    let load = async {
        tokio::task::yield_now().await;
        store.raw(&["CONFIG", "SET", "key-load-delay", "0"])
    };
    tokio::join!(call, load);
    assert!(matches!(held.unwrap().value, Held::New { .. }));
    assert!(store.epoch() > before);
    started.await.unwrap();
    assert_eq!(store.figures("sku-1").await, (9_998, 2, 0));
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
    let (store, engine) = impatient(redis.start().unwrap()).await;
    let others: Vec<Engine> = vec![
        connect(config(&store.redis)).await,
        connect(config(&store.redis)).await,
    ];
    for round in 0..5 {
        let before = store.epoch();
        store.redis.kill9().unwrap();
        let id = format!("r-{round}");
        let command = reserve(&id, &[("sku-1", 1)]);
        // Not sent at all if the keeper of its engine found the connection dead first.
        let call = until_available(|| engine.reserve(S, &command, soon()));
        let restart = async { store.redis.start_again().unwrap() };
        let open = in_epoch_after(&others[round % 2], before);
        let (held, (), epoch) = tokio::join!(call, restart, open);
        held.unwrap();
        assert_eq!(engine.gate(S), Ok(epoch));
        assert_eq!(store.in_epoch_after(before).await, epoch);
    }
    assert_eq!(store.figures("sku-1").await, (95, 5, 0));
    check_books(&store).await;
}
