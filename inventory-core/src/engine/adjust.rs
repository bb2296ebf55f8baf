use std::time::Instant;

use super::{Engine, call::Route, codec::record::head, reply};
use crate::domain::{Adjust, Fault, Outcome, Refusal, ShardId, Shortage, Stock, Success, Text};

impl Engine {
    /// Changes available by a signed number of units; see [`Adjust`]. A repeat answers the stock
    /// as it is now.
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn adjust(
        &self,
        shard: ShardId,
        command: &Adjust,
        deadline: Instant,
    ) -> Result<Outcome<Stock>, Fault> {
        let shard = self.shard(shard);
        let stock_key = shard.keys.stock(&command.key);
        let op_key = shard.keys.operation(&command.operation);
        let head = head("", command.operation.as_str(), &command.context);
        let reason = command.reason.as_ref().map_or("", Text::as_str);
        super::until_decided(deadline, || async {
            let call = shard.call(
                Route::Pool,
                &shard.scripts.adjust,
                deadline,
                |cmd, epoch| {
                    cmd.arg(5).arg(&shard.keys.meta).arg(&shard.keys.journal);
                    cmd.arg(&shard.keys.deadlines).arg(&stock_key).arg(&op_key);
                    cmd.arg(epoch.0)
                        .arg(shard.config.clock.argument())
                        .arg(&head);
                    cmd.arg(command.delta).arg(reason);
                },
            );
            let mut answer = call.await?;
            reply::place(shard, &mut answer)?;
            match answer.code.as_str() {
                code @ ("DONE" | "REPLAYED") => {
                    let replayed = code == "REPLAYED";
                    let value = reply::stock(&command.key, &mut answer)?;
                    Ok(Ok(Success { value, replayed }))
                }
                "INSUFFICIENT_STOCK" => Ok(Err(Refusal::InsufficientStock(vec![Shortage {
                    key: command.key.clone(),
                    requested: command.delta.unsigned_abs(),
                    available: answer.next()?,
                }]))),
                "UNKNOWN_SKU" => Ok(Err(Refusal::UnknownSku(vec![command.key.clone()]))),
                _ => Ok(Err(reply::refusal(&mut answer)?)),
            }
        })
        .await
    }
}
