//! Entries that are applied together.

use std::{collections::VecDeque, fmt};

use inventory_core::{EntryBody, JournalId, TimestampMs, engine::RawEntry};

use super::rows::{self, ChangeRows};
use crate::limits::{BATCH_BYTES_MAX, BATCH_CHANGES_MAX, BATCH_ENTRIES_MAX};

/// One entry, and what is to be done with it.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) raw: RawEntry,
    pub(crate) content: Content,
}

/// What an entry comes to.
#[derive(Debug)]
pub(crate) enum Content {
    /// A new epoch; the one before ended with `previous`.
    Bless {
        at: TimestampMs,
        previous: Option<JournalId>,
    },
    Changes {
        at: TimestampMs,
        changes: Vec<ChangeRows>,
    },
    /// It is put aside whole.
    Unreadable(String),
}

impl Gathered {
    /// Works out what the entry does; one that cannot be read is kept, to be put aside.
    pub(crate) fn read(raw: RawEntry) -> Self {
        Self {
            content: content(&raw).unwrap_or_else(Content::Unreadable),
            raw,
        }
    }

    pub(crate) const fn id(&self) -> JournalId {
        self.raw.id
    }

    pub(crate) const fn at(&self) -> Option<TimestampMs> {
        match self.content {
            Content::Bless { at, .. } | Content::Changes { at, .. } => Some(at),
            Content::Unreadable(_) => None,
        }
    }

    pub(crate) fn changes(&self) -> &[ChangeRows] {
        match &self.content {
            Content::Changes { changes, .. } => changes,
            Content::Bless { .. } | Content::Unreadable(_) => &[],
        }
    }

    /// Whether the entry comes right after `before`.
    fn follows(&self, before: JournalId) -> bool {
        let id = self.id();
        if id.epoch == before.epoch {
            return before.n.checked_add(1) == Some(id.n);
        }
        let Content::Bless { previous, .. } = self.content else {
            return false;
        };
        // A projection that has nothing yet stands at 0-0.
        id.epoch > before.epoch && id.n == 0 && previous.unwrap_or_default() == before
    }
}

/// What an entry comes to, or why it cannot be read.
pub(crate) fn content(raw: &RawEntry) -> Result<Content, String> {
    let entry = raw.parse()?;
    match entry.body {
        EntryBody::Bless { previous, .. } => Ok(Content::Bless {
            at: entry.at,
            previous,
        }),
        EntryBody::Changes { stocks, changes } => Ok(Content::Changes {
            at: entry.at,
            changes: rows::of_entry(entry.id, entry.at, &stocks, changes, |item| {
                raw.stored(item)
            })?,
        }),
    }
}

/// The journal does not go on where the projection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last entry before it.
    pub after: JournalId,
    /// The entry that came instead of the next one.
    pub found: JournalId,
    /// For an entry that begins an epoch: the entry that it names as the last before it.
    pub previous: Option<JournalId>,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} comes {}", self.after, self.found)?;
        match self.previous {
            Some(previous) => write!(f, ", which follows {previous}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Gap {}

/// Entries that follow one another, with what they do to the tables.
#[derive(Debug)]
pub struct Batch {
    after: JournalId,
    entries: Vec<Gathered>,
}

impl Batch {
    /// The first of `entries`: as many as fit into one transaction, up to the first that does not
    /// follow.
    ///
    /// # Errors
    /// [`Gap`]: already the first does not follow `after`.
    pub fn gather(entries: &[RawEntry], after: JournalId) -> Result<Self, Gap> {
        let mut waiting = entries.iter().cloned().map(Gathered::read).collect();
        Self::take(&mut waiting, after)
    }

    /// Takes as many of the entries that wait as fit into one transaction
    /// ([`BATCH_ENTRIES_MAX`], [`BATCH_CHANGES_MAX`], [`BATCH_BYTES_MAX`]; at least one), up to the
    /// first that does not follow. An entry that cannot be read is taken, to be put aside.
    ///
    /// # Errors
    /// [`Gap`]: already the first does not follow `after`.
    pub(crate) fn take(waiting: &mut VecDeque<Gathered>, after: JournalId) -> Result<Self, Gap> {
        let mut batch = Self {
            after,
            entries: Vec::with_capacity(waiting.len().min(BATCH_ENTRIES_MAX)),
        };
        let (mut changes, mut bytes) = (0_usize, 0_usize);
        while let Some(next) = waiting.front() {
            bytes = bytes.saturating_add(next.raw.len());
            changes = changes.saturating_add(next.changes().len());
            let is_full = batch.entries.len() >= BATCH_ENTRIES_MAX
                || bytes > BATCH_BYTES_MAX
                || changes > BATCH_CHANGES_MAX;
            if is_full && !batch.entries.is_empty() {
                break;
            }
            if !next.follows(batch.last()) {
                if batch.entries.is_empty() {
                    return Err(Gap {
                        after,
                        found: next.id(),
                        previous: match next.content {
                            Content::Bless { previous, .. } => previous,
                            Content::Changes { .. } | Content::Unreadable(_) => None,
                        },
                    });
                }
                break;
            }
            batch.entries.extend(waiting.pop_front());
        }
        Ok(batch)
    }

    /// Whether the entries that wait fill a batch, so that no more are to be fetched yet. An entry may
    /// hold 128 reservations: their number alone would bound nothing.
    pub(crate) fn is_full(waiting: &VecDeque<Gathered>) -> bool {
        let (mut changes, mut bytes) = (0_usize, 0_usize);
        waiting.len() >= BATCH_ENTRIES_MAX
            || waiting.iter().any(|entry| {
                changes = changes.saturating_add(entry.changes().len());
                bytes = bytes.saturating_add(entry.raw.len());
                changes >= BATCH_CHANGES_MAX || bytes >= BATCH_BYTES_MAX
            })
    }

    /// How many of the entries it took.
    #[must_use]
    pub const fn taken(&self) -> usize {
        self.entries.len()
    }

    /// Its last entry; the one before it if it took none.
    #[must_use]
    pub fn last(&self) -> JournalId {
        self.entries.last().map_or(self.after, Gathered::id)
    }

    /// Bytes that its entries have in the journal.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = self.entries.iter().map(|entry| entry.raw.len());
        bytes.fold(0, usize::saturating_add)
    }

    /// How many changes it has.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.entries.iter().map(|entry| entry.changes().len()).sum()
    }

    /// When its last entry was written, if one can be read.
    #[must_use]
    pub fn last_at(&self) -> Option<TimestampMs> {
        self.entries.iter().rev().find_map(Gathered::at)
    }

    pub(crate) fn entries(&self) -> &[Gathered] {
        &self.entries
    }
}

#[cfg(test)]
mod tests;
