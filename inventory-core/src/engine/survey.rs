use super::{
    Engine,
    call::{Answer, protocol},
};
use crate::domain::{Epoch, Fault, JournalId, ShardId, TimestampMs};

/// A shard and the Redis that holds it, seen in one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The shard's clock.
    pub now: TimestampMs,
    /// Run id of the Redis that answered.
    pub run_id: String,
    /// Its replication id: another one after every start and promotion.
    pub replid: String,
    /// Whether it is a master.
    pub master: bool,
    /// Whether it is loading its data; then nothing else here counts.
    pub loading: bool,
    /// `None`: the shard was never blessed, or it was emptied.
    pub meta: Option<Meta>,
    /// The oldest entry that the journal has.
    pub first: Option<JournalId>,
    /// The newest; of an emptied journal the last that it had.
    pub last: Option<JournalId>,
    /// Entries that the journal has.
    pub entries: u64,
}

/// What a shard says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Drawn when the shard was first blessed.
    pub lineage: String,
    /// The epoch it is in.
    pub epoch: Epoch,
    /// Whether it may be written to.
    pub state: MetaState,
    /// Run id of the Redis that was blessed.
    pub run_id: String,
    /// Replication id of the Redis that was blessed.
    pub replid: String,
    /// The token of the restore under way.
    pub token: Option<String>,
    /// Name of the projection that is attached.
    pub projection: Option<String>,
    /// The last journal entry that the projection has.
    pub projected: Option<JournalId>,
}

/// Whether a shard may be written to by whoever is in its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaState {
    /// It may.
    Open,
    /// It is being restored, and was not finished.
    Recovering,
}

impl MetaState {
    /// As meta has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Recovering => "RECOVERING",
        }
    }
}

impl Survey {
    /// Whether the shard is open in this very life of Redis.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.meta.as_ref().is_some_and(|meta| {
            meta.state == MetaState::Open
                && meta.run_id == self.run_id
                && meta.replid == self.replid
        })
    }
}

impl Engine {
    /// Looks at the shard and the Redis that holds it, whether it is open or not.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when Redis cannot be asked, loads or does not answer; it never passes
    /// for an empty one. [`Fault::Corrupt`] when meta cannot be read.
    pub async fn survey(&self, shard: ShardId) -> Result<Survey, Fault> {
        let shard = self.shard(shard);
        let mut answer = shard
            .ask(&shard.scripts.survey, |cmd| {
                cmd.arg(2).arg(&shard.keys.meta).arg(&shard.keys.journal);
                cmd.arg(shard.config.clock.argument());
            })
            .await?;
        if answer.code != "OK" {
            return Err(protocol(&answer.code));
        }
        let now = TimestampMs(answer.next()?);
        let (run_id, replid): (String, String) = (answer.next()?, answer.next()?);
        let (role, loading): (String, String) = (answer.next()?, answer.next()?);
        let (first, last) = (journal_id(&mut answer)?, journal_id(&mut answer)?);
        let entries = answer.next()?;
        let meta = meta(&mut answer, &shard.keys.meta)?;
        Ok(Survey {
            now,
            run_id,
            replid,
            master: role == "master",
            loading: loading != "0",
            meta,
            first,
            last,
            entries,
        })
    }
}

/// A journal id, or nothing.
pub(crate) fn journal_id(answer: &mut Answer) -> Result<Option<JournalId>, Fault> {
    let text: String = answer.next()?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(Fault::Protocol)
}

fn meta(answer: &mut Answer, key: &str) -> Result<Option<Meta>, Fault> {
    let mut field = || answer.next::<Option<String>>();
    let (epoch, state, lineage) = (field()?, field()?, field()?);
    let (run_id, replid, token) = (field()?, field()?, field()?);
    let (projection, projected) = (field()?, field()?);
    let Some(epoch) = epoch else {
        return Ok(None);
    };
    let corrupt = || Fault::Corrupt {
        key: key.to_owned(),
    };
    let state = match state.as_deref() {
        Some("OPEN") => MetaState::Open,
        Some("RECOVERING") => MetaState::Recovering,
        _ => return Err(corrupt()),
    };
    let given = |text: &String| !text.is_empty();
    let projected = projected.filter(given).map(|id| id.parse());
    Ok(Some(Meta {
        lineage: lineage.unwrap_or_default(),
        epoch: Epoch(epoch.parse().map_err(|_| corrupt())?),
        state,
        run_id: run_id.unwrap_or_default(),
        replid: replid.unwrap_or_default(),
        token: token.filter(given),
        projection: projection.filter(given),
        projected: projected.transpose().map_err(|_| corrupt())?,
    }))
}
