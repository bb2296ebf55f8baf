use super::{Engine, Survey, call::protocol, gate::new_lineage};
use crate::domain::{Epoch, Fault, JournalId, ShardId};

/// An epoch that a projection has written down, to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Above every epoch that was ever issued, and at least the shard clock in ms.
    pub epoch: Epoch,
    /// Name of the projection, attached from now on.
    pub projection: String,
    /// The lineage of a shard that has none yet; `None` draws one.
    pub lineage: Option<String>,
    /// The entry that the blessing names as the last before it; `None`: the journal's last.
    pub previous: Option<JournalId>,
    /// Who blesses.
    pub who: String,
    /// Why.
    pub why: String,
}

impl Engine {
    /// Opens the shard in an issued epoch for the life of Redis that `seen` saw, if nothing has
    /// changed since. Does not go through the gate: every engine on the shard meets the new epoch at
    /// its next call. The id of the blessing's entry.
    ///
    /// # Errors
    /// [`Fault::Fenced`] with `bless: CONFLICT` (meta is not as it was seen, another life answers,
    /// or the shard has another lineage), `bless: RECOVERING`, or `bless: LATE` (an epoch that is
    /// not above all that the shard knows); else [`Fault`], and the shard may have been blessed.
    pub async fn bless_issued(
        &self,
        shard: ShardId,
        seen: &Survey,
        issued: &Issued,
    ) -> Result<JournalId, Fault> {
        let shard = self.shard(shard);
        let meta = seen.meta.as_ref();
        if let (Some(meta), Some(lineage)) = (meta, &issued.lineage)
            && meta.lineage != *lineage
        {
            return Err(Fault::Fenced("bless: CONFLICT".to_owned()));
        }
        let expected = meta.map_or_else(Default::default, |meta| {
            let epoch = meta.epoch.to_string();
            [epoch, meta.replid.clone(), meta.state.as_str().to_owned()]
        });
        let lineage = issued.lineage.clone().unwrap_or_else(new_lineage);
        let previous = issued
            .previous
            .map_or_else(String::new, |id| id.to_string());
        let answer = shard.tell(&shard.scripts.bless, |cmd| {
            cmd.arg(2).arg(&shard.keys.meta).arg(&shard.keys.journal);
            cmd.arg(shard.config.clock.argument()).arg(&expected);
            cmd.arg(&seen.run_id).arg(&seen.replid);
            cmd.arg(&lineage).arg(0).arg(&issued.who).arg(&issued.why);
            cmd.arg(issued.epoch.0)
                .arg(&issued.projection)
                .arg(&previous);
        });
        let mut answer = answer.await?;
        match answer.code.as_str() {
            "BLESSED" => {
                let epoch = Epoch(answer.next()?);
                tracing::info!(%epoch, why = issued.why, "shard blessed in an issued epoch");
                Ok(JournalId { epoch, n: 0 })
            }
            code @ ("CONFLICT" | "LATE" | "RECOVERING") => {
                Err(Fault::Fenced(format!("bless: {code}")))
            }
            code => Err(protocol(code)),
        }
    }
}
