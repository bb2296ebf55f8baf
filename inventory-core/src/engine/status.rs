use std::time::Instant;

use super::{Engine, ShardStatus, call::Route, gate::GateState, stock::epoch_argument};
use crate::domain::{Fault, ShardId};

impl Engine {
    /// The shard at a glance. Decides nothing, but notices another life of Redis and fences.
    ///
    /// # Errors
    /// [`Fault`] if Redis cannot be asked.
    pub async fn status(&self, shard: ShardId, deadline: Instant) -> Result<ShardStatus, Fault> {
        let shard = self.shard(shard);
        let asked_as = shard.gate.epoch();
        let call = shard.read(
            Route::Pool,
            &shard.scripts.status,
            deadline,
            |cmd, epoch| {
                cmd.arg(3).arg(&shard.keys.meta).arg(&shard.keys.journal);
                cmd.arg(&shard.keys.deadlines);
                cmd.arg(epoch_argument(epoch))
                    .arg(shard.config.clock.argument());
            },
        );
        let mut answer = call.await?;
        if let (true, Some(epoch)) = (super::stock::stale(&mut answer)?, asked_as) {
            shard
                .gate
                .fence(epoch, "another life of Redis answers, or another epoch");
        }
        let (open_holds, journal_entries) = (answer.next()?, answer.next()?);
        let (journal_bytes, used_memory_bytes) = (answer.next()?, answer.next()?);
        let due_lag_ms = answer.next()?;
        let (max_memory_bytes, clients) = (answer.next()?, answer.next()?);
        let (epoch, fenced) = match shard.gate.state() {
            GateState::Open(epoch) => (Some(epoch), None),
            GateState::Fenced(why) => (None, Some(why)),
        };
        let seen = shard.gate.seen();
        Ok(ShardStatus {
            epoch,
            fenced,
            open_holds,
            journal_entries,
            journal_bytes,
            used_memory_bytes,
            max_memory_bytes,
            clients,
            due_lag_ms,
            projected: seen.projection,
            lost_entries: seen.lost_entries,
            fences: seen.fences,
            durability: shard.gate.durability(),
        })
    }
}
