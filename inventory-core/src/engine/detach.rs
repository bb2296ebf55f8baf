use super::{Engine, call::protocol};
use crate::domain::{Fault, ShardId};

impl Engine {
    /// Takes the projection off the shard, whether that is open or not. From then on engines that
    /// never saw one open the shard by themselves after a loss, as their mode says; those that did
    /// see one must be started anew.
    ///
    /// # Errors
    /// [`Fault::Fenced`] for a shard without meta; else [`Fault`], and a repeat does no harm.
    pub async fn detach(&self, shard: ShardId, who: &str, why: &str) -> Result<(), Fault> {
        let shard = self.shard(shard);
        let answer = shard.tell(&shard.scripts.detach, |cmd| {
            cmd.arg(1).arg(&shard.keys.meta);
            cmd.arg(shard.config.clock.argument()).arg(who).arg(why);
        });
        match answer.await?.code.as_str() {
            "OK" => {
                tracing::warn!(who, why, "the projection was detached");
                Ok(())
            }
            "ABSENT" => Err(Fault::Fenced("detach: the shard has no meta".to_owned())),
            code => Err(protocol(code)),
        }
    }
}
