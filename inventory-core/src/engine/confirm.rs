use std::time::Instant;

use super::{Engine, codec::record::items, lifecycle::flag};
use crate::domain::{Confirm, Fault, Outcome, Reservation, ShardId};

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
        let items = command.lines.as_ref().map(items).unwrap_or_default();
        let arguments = [items.as_str(), flag(command.reacquire)];
        super::until_decided(deadline, || {
            shard.change_reservation(
                &shard.scripts.confirm,
                &command.id,
                &command.context,
                &arguments,
                deadline,
            )
        })
        .await
    }
}
