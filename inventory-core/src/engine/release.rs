use std::time::Instant;

use super::{Engine, call::Route, codec::record::head, reply};
use crate::domain::{Fault, Outcome, Release, Reservation, ShardId, Success, Text};

impl Engine {
    /// Gives back what is held; see [`Release`]. A hold that was due is expired instead, and that
    /// is a success too: look at the status.
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn release(
        &self,
        shard: ShardId,
        command: &Release,
        deadline: Instant,
    ) -> Result<Outcome<Reservation>, Fault> {
        let shard = self.shard(shard);
        let key = shard.keys.reservation(&command.id);
        let head = head("", command.id.as_str(), &command.context);
        let reason = command.reason.as_ref().map_or("", Text::as_str);
        let call = shard.call(
            Route::Pool,
            &shard.scripts.release,
            deadline,
            |cmd, epoch| {
                cmd.arg(4).arg(&shard.keys.meta).arg(&shard.keys.journal);
                cmd.arg(&shard.keys.deadlines).arg(&key);
                cmd.arg(epoch.0)
                    .arg(shard.config.clock.argument())
                    .arg(&head)
                    .arg(reason);
                cmd.arg(u8::from(command.tombstone));
            },
        );
        let mut answer = call.await?;
        reply::place(shard, &mut answer)?;
        let replayed = answer.code == "REPLAYED";
        if answer.code != "DONE" && !replayed {
            return Ok(Err(reply::refusal(&mut answer)?));
        }
        let value = reply::reservation(&command.id, &mut answer)?;
        Ok(Ok(Success { value, replayed }))
    }
}
