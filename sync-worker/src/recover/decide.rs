//! What to do with a shard: a look at Redis, the cursor of MariaDB and the epochs that it issued,
//! and one decision. Pure; the table that it follows stands in `docs/ARCHITECTURE.md`.

use std::{collections::BTreeMap, fmt};

use inventory_core::{
    Epoch, JournalId,
    engine::{Meta, MetaState, Survey},
};

use crate::cursor::{Cursor, CursorState};

/// The epochs that MariaDB issued, each with its last entry in the history that went on, if it is
/// over and MariaDB followed it to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Epochs(BTreeMap<Epoch, Option<u64>>);

impl Epochs {
    /// Whether MariaDB issued it.
    #[must_use]
    pub fn knows(&self, epoch: Epoch) -> bool {
        self.0.contains_key(&epoch)
    }

    /// Its last entry in the history that went on.
    #[must_use]
    pub fn last_of(&self, epoch: Epoch) -> Option<JournalId> {
        let n = self.0.get(&epoch).copied().flatten()?;
        Some(JournalId { epoch, n })
    }
}

impl FromIterator<(Epoch, Option<u64>)> for Epochs {
    fn from_iter<T: IntoIterator<Item = (Epoch, Option<u64>)>>(epochs: T) -> Self {
        Self(epochs.into_iter().collect())
    }
}

/// What a worker remembers of earlier looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// The end of the journal when it was furthest.
    pub highest: Option<JournalId>,
    /// The journal does not go on from the cursor: what it lacks.
    pub gap: Option<String>,
}

/// Why Redis is filled from MariaDB, from nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// There is nothing on either side yet.
    FirstStart,
    /// Redis has no meta.
    Emptied,
    /// Somebody began to fill it and did not finish.
    Unfinished,
    /// It has meta and no journal.
    NoJournal,
    /// It went on from a place that history left long ago.
    Branch,
    /// An operator said so.
    Asked,
}

/// Why MariaDB is filled from Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resync {
    /// MariaDB has nothing and Redis has a history.
    Attach,
    /// MariaDB went back in time: Redis noted more as projected, and the journal has not all of it.
    Behind,
    /// The journal does not have what follows the cursor.
    Gap(String),
    /// A copy was begun and not finished, or Redis changed under it.
    Unfinished,
    /// An operator said so.
    Asked,
}

/// Why the shard stays as it is until a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Redis has another history than MariaDB.
    OtherLineage {
        /// Of MariaDB.
        ours: String,
        /// Of Redis.
        theirs: String,
    },
    /// Redis is in an epoch that MariaDB never issued.
    NeverIssued(Epoch),
    /// Redis is empty and MariaDB is no full copy of what it had.
    EmptiedWhileCopied,
    /// Redis is half filled and MariaDB is no full copy of what it is to have.
    UnfinishedWhileCopied,
    /// Redis is being filled by somebody that MariaDB knows nothing of.
    UnfinishedByOthers,
}

/// Why a new epoch is opened over what Redis has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Another life of Redis, with all that MariaDB has.
    OtherLife,
    /// The same life, and its journal is not what it was.
    WentBack,
    /// The same life, which knows of no projection.
    Detached,
    /// MariaDB went back to before it issued the epoch that Redis is in.
    Forgotten,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing can be decided now; look again.
    Wait(&'static str),
    /// Nothing may be done; say so, and look again.
    Hold(Held),
    /// Nothing is wrong: project the journal.
    Follow,
    /// Open a new epoch over what Redis has.
    Open(Open),
    /// Put back what changed after Redis' end.
    Restore {
        /// The last entry that Redis has.
        end: JournalId,
    },
    /// Fill Redis anew.
    Rebuild(Rebuild),
    /// Fill MariaDB anew.
    Resync(Resync),
}

/// Decides. Without a cursor the shard is unknown to MariaDB: its row is made first, and then this
/// is asked again.
#[must_use]
pub fn decide(
    survey: &Survey,
    cursor: Option<&Cursor>,
    epochs: &Epochs,
    memory: &Memory,
) -> Decision {
    if survey.loading {
        return Decision::Wait("Redis is loading its data");
    }
    if !survey.master {
        return Decision::Wait("this Redis is a replica");
    }
    let Some(cursor) = cursor else {
        return unknown(survey.meta.as_ref());
    };
    let Some(meta) = &survey.meta else {
        return emptied(cursor);
    };
    if meta.lineage != cursor.lineage {
        // A row that was made for a first start, and a server that was quicker.
        if cursor.is_new() {
            return unknown(survey.meta.as_ref());
        }
        return Decision::Hold(Held::OtherLineage {
            ours: cursor.lineage.clone(),
            theirs: meta.lineage.clone(),
        });
    }
    if meta.state == MetaState::Recovering {
        return match cursor.state {
            CursorState::Following if cursor.is_new() => Decision::Rebuild(Rebuild::FirstStart),
            CursorState::Following => Decision::Rebuild(Rebuild::Unfinished),
            CursorState::Resync | CursorState::Stale => Decision::Hold(Held::UnfinishedWhileCopied),
        };
    }
    match cursor.state {
        CursorState::Following => following(survey, meta, cursor, epochs, memory),
        CursorState::Stale => Decision::Resync(Resync::Unfinished),
        CursorState::Resync => match cursor.guarded_to {
            None if cursor.is_new() => Decision::Resync(Resync::Attach),
            None => Decision::Resync(Resync::Unfinished),
            // Copied, and on its way: rows are of different moments, so nothing but Redis counts.
            Some(_) => match following(survey, meta, cursor, epochs, memory) {
                Decision::Restore { .. } | Decision::Rebuild(_) => {
                    Decision::Resync(Resync::Unfinished)
                }
                other @ (Decision::Wait(_)
                | Decision::Hold(_)
                | Decision::Follow
                | Decision::Open(_)
                | Decision::Resync(_)) => other,
            },
        },
    }
}

/// A shard that MariaDB has nothing of.
const fn unknown(meta: Option<&Meta>) -> Decision {
    match meta {
        None => Decision::Rebuild(Rebuild::FirstStart),
        Some(meta) => match meta.state {
            MetaState::Open => Decision::Resync(Resync::Attach),
            MetaState::Recovering => Decision::Hold(Held::UnfinishedByOthers),
        },
    }
}

fn emptied(cursor: &Cursor) -> Decision {
    match cursor.state {
        CursorState::Following if cursor.is_new() => Decision::Rebuild(Rebuild::FirstStart),
        CursorState::Following => Decision::Rebuild(Rebuild::Emptied),
        CursorState::Resync | CursorState::Stale => Decision::Hold(Held::EmptiedWhileCopied),
    }
}

/// A shard that MariaDB has a full copy of, as of the cursor.
fn following(
    survey: &Survey,
    meta: &Meta,
    cursor: &Cursor,
    epochs: &Epochs,
    memory: &Memory,
) -> Decision {
    if let Some(projected) = meta.projected.filter(|it| *it > cursor.position) {
        return behind(survey, meta, projected, cursor, epochs, memory);
    }
    // Before gaps: whoever else opened it may have opened an old copy, and trimmed it.
    if !epochs.knows(meta.epoch) {
        return Decision::Hold(Held::NeverIssued(meta.epoch));
    }
    if let Some(gap) = gap(survey, cursor).or_else(|| memory.gap.clone()) {
        return Decision::Resync(Resync::Gap(gap));
    }
    let Some(end) = survey.last else {
        return Decision::Rebuild(Rebuild::NoJournal);
    };
    if end >= cursor.position {
        return open(survey, meta, end, memory);
    }
    let is_ours = end.epoch == cursor.position.epoch;
    if is_ours || epochs.last_of(end.epoch).is_some_and(|last| end <= last) {
        return Decision::Restore { end };
    }
    Decision::Rebuild(Rebuild::Branch)
}

/// MariaDB has gone back: Redis noted `projected`. Its rows are all of one earlier moment, so where the
/// journal still goes on from the cursor it is followed from there, and nothing is lost of the audit
/// log and the events. Where it does not, only a copy helps.
fn behind(
    survey: &Survey,
    meta: &Meta,
    projected: JournalId,
    cursor: &Cursor,
    epochs: &Epochs,
    memory: &Memory,
) -> Decision {
    let Some(end) = survey.last.filter(|end| *end >= projected) else {
        return Decision::Resync(Resync::Behind);
    };
    if gap(survey, cursor).is_some() {
        return Decision::Resync(Resync::Behind);
    }
    if let Some(gap) = &memory.gap {
        return Decision::Resync(Resync::Gap(gap.clone()));
    }
    if epochs.knows(meta.epoch) {
        return open(survey, meta, end, memory);
    }
    // An epoch in which MariaDB has projected is one that it issued, and has forgotten.
    if projected.epoch == meta.epoch {
        return Decision::Open(Open::Forgotten);
    }
    Decision::Resync(Resync::Behind)
}

/// Redis has all that MariaDB has.
fn open(survey: &Survey, meta: &Meta, end: JournalId, memory: &Memory) -> Decision {
    if !survey.alive() {
        return Decision::Open(Open::OtherLife);
    }
    // Servers that saw it further wait for a new epoch.
    let went_back = memory
        .highest
        .is_some_and(|highest| highest.epoch == end.epoch && end < highest);
    if went_back || end.epoch > meta.epoch {
        return Decision::Open(Open::WentBack);
    }
    if meta.projection.is_none() {
        return Decision::Open(Open::Detached);
    }
    Decision::Follow
}

/// What is missing between the cursor and the journal's first entry, as far as ids can tell. A first
/// entry that opens its epoch says itself which entry it follows; its reader compares.
fn gap(survey: &Survey, cursor: &Cursor) -> Option<String> {
    let position = cursor.position;
    let end = survey.last?;
    if end <= position {
        return None;
    }
    let Some(first) = survey.first else {
        return Some(format!(
            "the journal is empty and ended at {end}, the cursor is at {position}"
        ));
    };
    let follows = first <= position
        || first.n == 0
        || (first.epoch == position.epoch && position.n.checked_add(1) == Some(first.n));
    (!follows).then(|| format!("the journal begins at {first}, the cursor is at {position}"))
}

impl fmt::Display for Rebuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstStart => "first start",
            Self::Emptied => "Redis was emptied",
            Self::Unfinished => "a restore was not finished",
            Self::NoJournal => "Redis has no journal",
            Self::Branch => "Redis went on from a place that history had left",
            Self::Asked => "an operator discards what Redis has",
        })
    }
}

impl fmt::Display for Resync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach => f.write_str("a projection is attached to a store with history"),
            Self::Behind => f.write_str("MariaDB is older than what Redis knows as projected"),
            Self::Gap(gap) => write!(f, "entries are missing: {gap}"),
            Self::Unfinished => f.write_str("a copy of Redis was not finished"),
            Self::Asked => f.write_str("an operator adopts what Redis has"),
        }
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherLife => "another life of Redis, with all that MariaDB has",
            Self::WentBack => "the journal is not what it was, and has all that MariaDB has",
            Self::Detached => "a projection is attached",
            Self::Forgotten => {
                "MariaDB went back to before this epoch, and the journal has what it lacks"
            }
        })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherLineage { ours, theirs } => write!(
                f,
                "Redis has the lineage {theirs}, MariaDB has {ours}: one of the two is the wrong \
                 one. Point the worker to the right one, or decide: `reconcile rebuild \
                 --discard-redis` or `reconcile rebuild --adopt-redis`"
            ),
            Self::NeverIssued(epoch) => write!(
                f,
                "Redis is in epoch {epoch}, which MariaDB never issued: somebody else opened it, \
                 or this MariaDB is a copy. Decide: `reconcile rebuild --adopt-redis` takes what \
                 Redis has, `reconcile rebuild --discard-redis` what MariaDB has"
            ),
            Self::EmptiedWhileCopied => f.write_str(
                "Redis is empty, and MariaDB was only being copied from it. `reconcile rebuild \
                 --discard-redis` fills Redis with what was copied; what was not is lost",
            ),
            Self::UnfinishedWhileCopied => f.write_str(
                "Redis is half restored, and MariaDB is no full copy of it. `reconcile rebuild \
                 --discard-redis` fills Redis with what MariaDB has",
            ),
            Self::UnfinishedByOthers => f.write_str(
                "Redis is half restored by somebody else, and MariaDB has nothing of it. Let \
                 that be finished, or empty Redis",
            ),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
