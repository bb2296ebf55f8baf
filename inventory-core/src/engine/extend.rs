use std::time::Instant;

use super::Engine;
use crate::domain::{Extend, Fault, Outcome, Reservation, ShardId};

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
        let (ttl_ms, max_hold_ms) = (command.ttl_ms.to_string(), command.max_hold_ms.to_string());
        shard
            .change_reservation(
                &shard.scripts.extend,
                &command.id,
                &command.context,
                &[&ttl_ms, &max_hold_ms],
                deadline,
            )
            .await
    }
}
