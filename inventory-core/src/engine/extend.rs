use std::time::Instant;

use super::{Engine, call::Route, codec::record::head, reply};
use crate::domain::{Extend, Fault, Outcome, Reservation, ShardId, Success};

impl Engine {
    /// Moves the deadline of an open hold; see [`Extend`].
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn extend(
        &self,
        shard: ShardId,
        command: &Extend,
        deadline: Instant,
    ) -> Result<Outcome<Reservation>, Fault> {
        let shard = self.shard(shard);
        let key = shard.keys.reservation(&command.id);
        let head = head("", command.id.as_str(), &command.context);
        let call = shard.call(
            Route::Pool,
            &shard.scripts.extend,
            deadline,
            |cmd, epoch| {
                cmd.arg(4).arg(&shard.keys.meta).arg(&shard.keys.journal);
                cmd.arg(&shard.keys.deadlines).arg(&key);
                cmd.arg(epoch.0)
                    .arg(shard.config.clock.argument())
                    .arg(&head);
                cmd.arg(command.ttl_ms).arg(command.max_hold_ms);
            },
        );
        let mut answer = call.await?;
        reply::place(shard, &mut answer)?;
        if answer.code != "DONE" {
            return Ok(Err(reply::refusal(&mut answer)?));
        }
        let value = reply::reservation(&command.id, &mut answer)?;
        Ok(Ok(Success {
            value,
            replayed: false,
        }))
    }
}
