//! What this process remembers of a shard, whatever Redis says: the highest journal id it saw, and
//! what it was promised. After a loss this tells how much is gone.

use std::collections::VecDeque;

use crate::domain::{Epoch, JournalId};

/// Entries of which the number of changes is remembered.
const RECENT_MAX: usize = 16_384;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whether the shard ever had state.
    pub(crate) populated: bool,
    /// Whether a projection was ever attached.
    pub(crate) projection: bool,
    pub(crate) lineage: Option<String>,
    highest: Option<JournalId>,
    recent: VecDeque<(u64, u32)>,
    /// The lowest place of the highest epoch that the journal gave out a second time.
    repeated: Option<u64>,
    /// Whether all of the highest epoch was counted as lost already.
    gone: bool,
    pub(crate) lost_entries: u64,
    pub(crate) fences: u64,
}

/// What a loss took that this process had seen acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Loss {
    pub(crate) entries: u64,
    pub(crate) changes: u64,
}

impl Seen {
    pub(crate) const fn highest(&self) -> Option<JournalId> {
        self.highest
    }

    /// Whether `id`, issued after `before` was the highest seen, can be from the same history.
    pub(crate) fn plausible(id: JournalId, before: Option<JournalId>) -> bool {
        before.is_none_or(|before| id > before)
    }

    /// An entry of this process was acknowledged.
    pub(crate) fn acknowledge(&mut self, id: JournalId, changes: u32) {
        self.populated = true;
        if self
            .highest
            .is_some_and(|highest| highest.epoch != id.epoch)
        {
            self.recent.clear();
        }
        if self.highest.is_none_or(|highest| highest < id) {
            self.highest = Some(id);
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((id.n, changes));
    }

    /// The journal gave out an id that is not above the highest seen: it was rolled back.
    pub(crate) fn repeat(&mut self, id: JournalId) {
        if self.highest_epoch() == id.epoch {
            self.repeated = Some(self.repeated.map_or(id.n, |n| n.min(id.n)));
        }
    }

    /// The shard goes on in `epoch`; `last` is the last entry that is left of the epoch in which
    /// this process saw its highest.
    pub(crate) fn enter(&mut self, first: JournalId, last: Option<JournalId>) -> Loss {
        let mut loss = Loss::default();
        if let Some(highest) = self.highest
            && highest.epoch < first.epoch
            && !self.gone
        {
            let kept = last
                .filter(|last| last.epoch == highest.epoch)
                .map_or(0, |last| last.n.saturating_add(1))
                .min(self.repeated.unwrap_or(u64::MAX));
            loss.entries = highest.n.saturating_add(1).saturating_sub(kept);
            loss.changes = self
                .recent
                .iter()
                .filter(|(n, _)| *n >= kept)
                .map(|(_, changes)| u64::from(*changes))
                .fold(0, u64::saturating_add);
        }
        if self.highest.is_none_or(|highest| highest < first) {
            self.highest = Some(first);
            self.recent.clear();
            self.repeated = None;
            self.gone = false;
        }
        self.lost_entries = self.lost_entries.saturating_add(loss.entries);
        loss
    }

    /// The store is empty, and does not go on yet: all of the epoch is lost. Counted once.
    pub(crate) fn emptied(&mut self) -> Loss {
        let Some(highest) = self.highest.filter(|_| !self.gone) else {
            return Loss::default();
        };
        self.gone = true;
        let changes = self.recent.iter().map(|(_, changes)| u64::from(*changes));
        let loss = Loss {
            entries: highest.n.saturating_add(1),
            changes: changes.fold(0, u64::saturating_add),
        };
        self.lost_entries = self.lost_entries.saturating_add(loss.entries);
        loss
    }

    pub(crate) fn highest_epoch(&self) -> Epoch {
        self.highest.map_or(Epoch(0), |highest| highest.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(epoch: u64, n: u64) -> JournalId {
        JournalId {
            epoch: Epoch(epoch),
            n,
        }
    }

    #[test]
    fn a_lost_tail_is_counted_in_entries_and_changes() {
        let mut seen = Seen::default();
        seen.enter(id(10, 0), None);
        for n in 1..=5 {
            seen.acknowledge(id(10, n), 3);
        }
        assert_eq!(
            seen.enter(id(20, 0), Some(id(10, 3))),
            Loss {
                entries: 2,
                changes: 6
            }
        );
        assert_eq!(seen.lost_entries, 2);
        assert_eq!(seen.enter(id(30, 0), Some(id(20, 0))), Loss::default());
    }

    #[test]
    fn what_was_written_after_a_rollback_is_not_what_was_lost() {
        let mut seen = Seen::default();
        seen.enter(id(10, 0), None);
        for n in 1..=5 {
            seen.acknowledge(id(10, n), 1);
        }
        assert!(!Seen::plausible(id(10, 3), seen.highest()));
        seen.repeat(id(10, 3));
        seen.repeat(id(10, 4));
        let loss = seen.enter(id(20, 0), Some(id(10, 4)));
        assert_eq!((loss.entries, loss.changes), (3, 3));
    }

    #[test]
    fn an_emptied_store_lost_all_that_was_seen() {
        let mut seen = Seen::default();
        seen.enter(id(10, 0), None);
        seen.acknowledge(id(10, 1), 1);
        assert_eq!(seen.enter(id(11, 0), None).entries, 2);
    }

    #[test]
    fn a_loss_is_counted_once_however_long_the_store_stays_empty() {
        let mut seen = Seen::default();
        seen.enter(id(10, 0), None);
        seen.acknowledge(id(10, 1), 4);
        assert_eq!(
            seen.emptied(),
            Loss {
                entries: 2,
                changes: 4
            }
        );
        assert_eq!(seen.emptied(), Loss::default());
        assert_eq!(seen.enter(id(20, 0), None), Loss::default());
        assert_eq!(seen.lost_entries, 2);
        seen.acknowledge(id(20, 1), 1);
        assert_eq!(seen.emptied().entries, 2);
    }

    #[test]
    fn nothing_is_lost_when_others_went_on() {
        let mut seen = Seen::default();
        seen.enter(id(10, 0), None);
        seen.acknowledge(id(10, 1), 1);
        assert_eq!(seen.enter(id(11, 0), Some(id(10, 9))), Loss::default());
    }
}
