use std::time::Instant;

use super::{Engine, call::Route, codec::record::head, reply};
use crate::domain::{Fault, Outcome, Refusal, Retire, ShardId, Success};

impl Engine {
    /// Removes a stock without units or holds; see [`Retire`].
    ///
    /// # Errors
    /// [`Fault`]; after an unknown outcome a repeat may find the stock gone already.
    pub async fn retire(
        &self,
        shard: ShardId,
        command: &Retire,
        deadline: Instant,
    ) -> Result<Outcome<()>, Fault> {
        let shard = self.shard(shard);
        let stock_key = shard.keys.stock(&command.key);
        let head = head("", "", &command.context);
        super::until_decided(deadline, || async {
            let call = shard.call(
                Route::Pool,
                &shard.scripts.retire,
                deadline,
                |cmd, epoch| {
                    cmd.arg(7).arg(&shard.keys.meta).arg(&shard.keys.journal);
                    cmd.arg(&shard.keys.deadlines).arg(&stock_key);
                    cmd.arg(&shard.keys.skus)
                        .arg(&shard.keys.places)
                        .arg(&shard.keys.retired);
                    cmd.arg(epoch.0)
                        .arg(shard.config.clock.argument())
                        .arg(&head);
                },
            );
            let mut answer = call.await?;
            reply::place(shard, &mut answer)?;
            match answer.code.as_str() {
                "DONE" => Ok(Ok(Success {
                    value: (),
                    replayed: false,
                })),
                "UNKNOWN_SKU" => Ok(Err(Refusal::UnknownSku(vec![command.key.clone()]))),
                _ => Ok(Err(reply::refusal(&mut answer)?)),
            }
        })
        .await
    }
}
