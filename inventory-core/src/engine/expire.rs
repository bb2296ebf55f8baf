use std::time::Instant;

use super::{
    Engine, Swept,
    call::{Route, protocol},
};
use crate::{
    domain::{Expire, Fault, ShardId},
    limits::REAP_MAX,
};

impl Engine {
    /// One bite of the sweeper: expires the holds that are due, oldest deadline first.
    ///
    /// # Errors
    /// [`Fault`]; the next bite finds whatever this one left.
    pub async fn expire(
        &self,
        shard: ShardId,
        command: Expire,
        deadline: Instant,
    ) -> Result<Swept, Fault> {
        let shard = self.shard(shard);
        let max = command.max.clamp(1, REAP_MAX);
        let call = shard.call(
            Route::Pool,
            &shard.scripts.expire,
            deadline,
            |cmd, epoch| {
                cmd.arg(3)
                    .arg(&shard.keys.meta)
                    .arg(&shard.keys.journal)
                    .arg(&shard.keys.deadlines);
                cmd.arg(epoch.0).arg(shard.config.clock.argument()).arg(max);
            },
        );
        let mut answer = call.await?;
        if answer.code != "OK" {
            return Err(protocol(&answer.code));
        }
        let n: i64 = answer.next()?;
        let _now: u64 = answer.next()?;
        let swept = Swept {
            expired: answer.next()?,
            remaining: answer.next()?,
            corrupt: answer.next()?,
            lag_ms: answer.next()?,
        };
        let changes = u32::try_from(swept.expired).unwrap_or(u32::MAX);
        shard.acknowledged(answer.epoch, n, changes);
        Ok(swept)
    }
}
