use std::time::Instant;

use super::{Engine, codec::record::items};
use crate::domain::{Fault, Outcome, Reservation, Return, ShardId};

impl Engine {
    /// Takes sold goods back; see [`Return`].
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn return_goods(
        &self,
        shard: ShardId,
        command: &Return,
        deadline: Instant,
    ) -> Result<Outcome<Reservation>, Fault> {
        let shard = self.shard(shard);
        let items = command.lines.as_ref().map(items).unwrap_or_default();
        shard
            .change_reservation(
                &shard.scripts.return_goods,
                &command.id,
                &command.context,
                &[command.return_id.as_str(), &items],
                deadline,
            )
            .await
    }
}
