use std::time::Instant;

use redis::Value;

use super::{Engine, ShardStatus, gate::GateState, link::info_field};
use crate::domain::{Fault, ShardId};

impl Engine {
    /// The shard at a glance. Reads only, and decides nothing.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] if Redis cannot be asked.
    pub async fn status(&self, shard: ShardId, _deadline: Instant) -> Result<ShardStatus, Fault> {
        let shard = self.shard(shard);
        let (epoch, fenced) = match shard.gate.state() {
            GateState::Open(epoch) => (Some(epoch), None),
            GateState::Fenced(why) => (None, Some(why)),
        };
        let ask = async |parts: &[&str]| {
            let mut command = redis::cmd(parts[0]);
            command.arg(&parts[1..]);
            shard.query(&command).await
        };
        let number = |value: Value| redis::from_redis_value::<Option<u64>>(value).ok().flatten();
        let open_holds = number(ask(&["ZCARD", &shard.keys.deadlines]).await?).unwrap_or(0);
        let journal_entries = number(ask(&["XLEN", &shard.keys.journal]).await?).unwrap_or(0);
        let journal_bytes =
            number(ask(&["MEMORY", "USAGE", &shard.keys.journal]).await?).unwrap_or(0);
        let first = ask(&["ZRANGE", &shard.keys.deadlines, "0", "0", "WITHSCORES"]).await?;
        let first: Vec<(String, f64)> = redis::from_redis_value(first).unwrap_or_default();
        let time: (u64, u64) = redis::from_redis_value(ask(&["TIME"]).await?).unwrap_or_default();
        let now_ms = time.0.saturating_mul(1000).saturating_add(time.1 / 1000);
        let memory: String =
            redis::from_redis_value(ask(&["INFO", "memory"]).await?).unwrap_or_default();
        let used = info_field(&memory, "used_memory").and_then(|used| used.parse().ok());
        let (projected, lost_entries, fences) = {
            let seen = shard.gate.seen();
            (seen.projection, seen.lost_entries, seen.fences)
        };
        Ok(ShardStatus {
            epoch,
            fenced,
            open_holds,
            journal_entries,
            journal_bytes,
            used_memory_bytes: used.unwrap_or(0),
            due_lag_ms: first
                .first()
                .map_or(0, |(_, due)| now_ms.saturating_sub(ms(*due))),
            projected,
            lost_entries,
            fences,
            durability: shard.gate.durability(),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a score is a time in ms, exact in a double and not negative"
)]
const fn ms(score: f64) -> u64 {
    score as u64
}
