use std::time::Instant;

use super::{
    Engine,
    call::Route,
    codec::record::{head, items},
    reply,
};
use crate::domain::{Confirm, Fault, Outcome, Reservation, ShardId, Success};

impl Engine {
    /// Sells what is held, wholly or in part; see [`Confirm`].
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn confirm(
        &self,
        shard: ShardId,
        command: &Confirm,
        deadline: Instant,
    ) -> Result<Outcome<Reservation>, Fault> {
        let shard = self.shard(shard);
        let key = shard.keys.reservation(&command.id);
        let head = head("", command.id.as_str(), &command.context);
        let items = command.lines.as_ref().map(items).unwrap_or_default();
        super::until_decided(deadline, || async {
            let call = shard.call(
                Route::Pool,
                &shard.scripts.confirm,
                deadline,
                |cmd, epoch| {
                    cmd.arg(4).arg(&shard.keys.meta).arg(&shard.keys.journal);
                    cmd.arg(&shard.keys.deadlines).arg(&key);
                    cmd.arg(epoch.0)
                        .arg(shard.config.clock.argument())
                        .arg(&head)
                        .arg(&items);
                    cmd.arg(u8::from(command.reacquire));
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
        })
        .await
    }
}
