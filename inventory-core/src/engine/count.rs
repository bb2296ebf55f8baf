use std::time::Instant;

use super::{Counted, Engine, call::Route, codec::record::head, reply};
use crate::domain::{Count, Fault, LimitChange, Outcome, Refusal, ShardId, Success, Text};

fn limit_argument(limit: LimitChange) -> String {
    match limit {
        LimitChange::Keep => String::new(),
        LimitChange::Remove => "-".to_owned(),
        LimitChange::Set(limit) => {
            let window_ms = u64::from(limit.window_seconds.unwrap_or(0)).saturating_mul(1000);
            format!("{} {window_ms}", limit.quantity)
        }
    }
}

impl Engine {
    /// Sets on-hand to what was counted, creating the stock if it is new; see [`Count`].
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn count(
        &self,
        shard: ShardId,
        command: &Count,
        deadline: Instant,
    ) -> Result<Outcome<Counted>, Fault> {
        let shard = self.shard(shard);
        let stock_key = shard.keys.stock(&command.key);
        let op_key = shard.keys.operation(&command.operation);
        let head = head("", command.operation.as_str(), &command.context);
        let reason = command.reason.as_ref().map_or("", Text::as_str);
        let expected = command
            .expected_version
            .map_or_else(String::new, |v| v.to_string());
        let limit = limit_argument(command.limit);
        super::until_decided(deadline, || async {
            let call = shard.call(Route::Pool, &shard.scripts.count, deadline, |cmd, epoch| {
                cmd.arg(8).arg(&shard.keys.meta).arg(&shard.keys.journal);
                cmd.arg(&shard.keys.deadlines).arg(&stock_key).arg(&op_key);
                cmd.arg(&shard.keys.skus)
                    .arg(&shard.keys.places)
                    .arg(&shard.keys.retired);
                cmd.arg(epoch.0)
                    .arg(shard.config.clock.argument())
                    .arg(&head);
                cmd.arg(command.on_hand)
                    .arg(&expected)
                    .arg(&limit)
                    .arg(reason);
            });
            let mut answer = call.await?;
            reply::place(shard, &mut answer)?;
            match answer.code.as_str() {
                code @ ("CREATED" | "DONE" | "REPLAYED") => {
                    let (created, replayed) = (code == "CREATED", code == "REPLAYED");
                    let stock = reply::stock(&command.key, &mut answer)?;
                    Ok(Ok(Success {
                        value: Counted { stock, created },
                        replayed,
                    }))
                }
                "UNKNOWN_SKU" => Ok(Err(Refusal::UnknownSku(vec![command.key.clone()]))),
                _ => Ok(Err(reply::refusal(&mut answer)?)),
            }
        })
        .await
    }
}
