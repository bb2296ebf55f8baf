//! Looks after the gate in the background: opens it when it may be opened, and watches that Redis
//! stays as it must be.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    call::Shard,
    gate::{GateState, Look},
};

/// Between two looks at a shard that is open: how soon weakened settings are noticed.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// Between two looks at a fenced shard, at first and at most.
const FENCED_INTERVAL: Duration = Duration::from_millis(20);
const FENCED_INTERVAL_MAX: Duration = Duration::from_millis(500);

/// Runs until the engine is dropped.
pub(crate) async fn keep(shard: Weak<Shard>) {
    let mut interval = FENCED_INTERVAL;
    loop {
        let Some(shard) = shard.upgrade() else { return };
        let mut states = shard.gate.subscribe();
        let open = matches!(shard.gate.state(), GateState::Open(_));
        let look = shard.look().await;
        let opened = matches!(look, Ok(Look::Open));
        report(&shard, look);
        states.mark_unchanged();
        let wait = if opened {
            interval = FENCED_INTERVAL;
            WATCH_INTERVAL
        } else {
            if open {
                interval = FENCED_INTERVAL;
            }
            interval = interval.saturating_mul(2).min(FENCED_INTERVAL_MAX);
            interval
        };
        let fenced_meanwhile = opened && matches!(shard.gate.state(), GateState::Fenced(_));
        drop(shard);
        if fenced_meanwhile {
            continue;
        }
        // A fence wakes the keeper at once; otherwise it looks again after a while.
        let _ = tokio::time::timeout(wait, states.changed()).await;
    }
}

fn report(shard: &Arc<Shard>, look: redis::RedisResult<Look>) {
    match look {
        Ok(Look::Open) => {}
        Ok(Look::Wait(why)) => tracing::debug!(why, "shard stays fenced"),
        Ok(Look::Refused(problems)) => {
            if let Some(epoch) = shard.gate.epoch() {
                shard.gate.fence(epoch, &problems.join("; "));
            }
        }
        Err(error) => tracing::debug!(%error, "cannot look at the shard"),
    }
}
