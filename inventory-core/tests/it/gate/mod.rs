//! The recovery gate: whatever happens to Redis is noticed, and the shard opens only as it may.

mod lives;
mod settings;

use std::sync::Arc;

use devstack::redis::RedisServer;
use inventory_core::{
    engine::{Engine, EngineConfig, ProjectionMode, ShardClock},
    *,
};

use crate::support::*;

/// Waits until the gate is closed for a reason that contains `part`.
async fn fenced_because(engine: &Engine, part: &str) {
    eventually(&format!("fenced because: {part}"), async || {
        engine.gate(S).is_err_and(|why| why.contains(part))
    })
    .await;
}

async fn is_fenced(engine: &Engine, id: &str) -> bool {
    let command = reserve(id, &[("sku-1", 1)]);
    let answer = engine.reserve(S, &command, soon());
    matches!(answer.await, Err(Fault::Fenced(_)))
}

/// Asks again while the shard is fenced: on a busy machine the gate takes its time.
async fn until_open<T, F>(mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut open = None;
    eventually("the shard is open", async || {
        let answer = call().await;
        let fenced = matches!(answer, Err(Fault::Fenced(_)));
        open = (!fenced).then_some(answer);
        open.is_some()
    })
    .await;
    open.unwrap().unwrap()
}

fn restart(redis: &RedisServer) {
    redis.stop().unwrap();
    redis.start_again().unwrap();
}

fn meta(redis: &RedisServer, field: &str) -> Option<String> {
    raw(redis, &["HGET", &k("meta"), field]).text()
}

fn blessings(entries: &[Entry]) -> Vec<Epoch> {
    let bless = |entry: &&Entry| matches!(entry.body, EntryBody::Bless { .. });
    entries.iter().filter(bless).map(|e| e.id.epoch).collect()
}

/// A store in a given mode, with one hold on it.
async fn store_in(mode: ProjectionMode, redis: Arc<RedisServer>) -> Store {
    let config = EngineConfig {
        projection: mode,
        ..config(&redis)
    };
    let store = Store {
        engine: connect(config).await,
        redis,
        clock: ShardClock::Redis,
    };
    store.put("sku-1", 100).await;
    store.reserve("before", &[("sku-1", 1)]).await.unwrap();
    store
}
