use super::{Engine, call::protocol};
use crate::domain::{Epoch, Fault, JournalId, ShardId};

impl Engine {
    /// Notes how far the attached projection has got, which frees what it has for the purger, and
    /// lets go of journal entries before `trim_before`, but never of any after `cursor`. Never takes
    /// back what a later call noted. Does not go through the gate.
    ///
    /// # Errors
    /// [`Fault::Fenced`] when the shard is not open in `epoch` in this life of Redis, or no
    /// projection is attached; else [`Fault`], and a repeat does no harm.
    pub async fn projected(
        &self,
        shard: ShardId,
        epoch: Epoch,
        cursor: JournalId,
        trim_before: Option<JournalId>,
    ) -> Result<(), Fault> {
        let shard = self.shard(shard);
        let before = trim_before.map_or_else(String::new, |id| id.to_string());
        let answer = shard.tell(&shard.scripts.projected, |cmd| {
            cmd.arg(2).arg(&shard.keys.meta).arg(&shard.keys.journal);
            cmd.arg(epoch.0).arg(cursor.to_string()).arg(&before);
        });
        let answer = answer.await?;
        match answer.code.as_str() {
            "OK" => Ok(()),
            code @ ("FENCED" | "DETACHED") => Err(Fault::Fenced(format!("projected: {code}"))),
            code => Err(protocol(code)),
        }
    }
}
