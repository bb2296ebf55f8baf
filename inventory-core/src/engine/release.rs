use std::time::Instant;

use super::{Engine, lifecycle::flag};
use crate::domain::{Fault, Outcome, Release, Reservation, ShardId, Text};

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
        let reason = command.reason.as_ref().map_or("", Text::as_str);
        shard
            .change_reservation(
                &shard.scripts.release,
                &command.id,
                &command.context,
                &[reason, flag(command.tombstone)],
                deadline,
            )
            .await
    }
}
