//! Which part of the journal may go: all that is projected, but for the youngest entries.

use std::{collections::VecDeque, time::Instant};

use inventory_core::JournalId;

use crate::limits::{TRIM_MARK, TRIM_SLACK, TRIM_SLACK_BYTES};

/// Places of the journal that were applied lately.
#[derive(Debug, Default)]
pub(super) struct Slack {
    marks: VecDeque<Mark>,
}

#[derive(Debug)]
struct Mark {
    id: JournalId,
    opened: Instant,
    at: Instant,
    bytes: u64,
}

impl Slack {
    /// Entries up to `id` were applied, so many bytes since the last time.
    pub(super) fn applied(&mut self, id: JournalId, bytes: u64, now: Instant) {
        if let Some(mark) = self.marks.back_mut()
            && now.saturating_duration_since(mark.opened) < TRIM_MARK
        {
            mark.id = id;
            mark.at = now;
            mark.bytes = mark.bytes.saturating_add(bytes);
            return;
        }
        self.marks.push_back(Mark {
            id,
            opened: now,
            at: now,
            bytes,
        });
    }

    /// The projection stands at `id`: what was applied after it, was in a MariaDB that went back.
    pub(super) fn back_to(&mut self, id: JournalId) {
        self.marks.retain(|mark| mark.id <= id);
    }

    /// The entry before which all may go, if that is a later one than the last time.
    pub(super) fn trim_before(&mut self, now: Instant) -> Option<JournalId> {
        let mut bytes: u64 = self.marks.iter().map(|mark| mark.bytes).sum();
        let mut edge = None;
        while let Some(mark) = self.marks.front() {
            // What this mark stands for is behind it.
            bytes = bytes.saturating_sub(mark.bytes);
            let old = now.saturating_duration_since(mark.at) >= TRIM_SLACK;
            if !old && bytes < TRIM_SLACK_BYTES {
                break;
            }
            edge = Some(mark.id);
            self.marks.pop_front();
        }
        edge
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inventory_core::Epoch;

    use super::*;

    fn id(n: u64) -> JournalId {
        JournalId { epoch: Epoch(9), n }
    }

    #[test]
    fn entries_go_when_they_are_old() {
        let start = Instant::now();
        let mut slack = Slack::default();
        for n in 0..10 {
            slack.applied(id(n), 100, start + Duration::from_secs(n));
        }
        assert_eq!(slack.trim_before(start + Duration::from_secs(59)), None);
        let later = start + TRIM_SLACK + Duration::from_secs(4);
        assert_eq!(slack.trim_before(later), Some(id(4)));
        assert_eq!(slack.trim_before(later), None);
        assert_eq!(slack.trim_before(later + TRIM_SLACK), Some(id(9)));
    }

    #[test]
    fn entries_go_when_the_younger_ones_are_enough() {
        let start = Instant::now();
        let mut slack = Slack::default();
        for n in 0..10 {
            slack.applied(
                id(n),
                TRIM_SLACK_BYTES / 4,
                start + TRIM_MARK * u32::try_from(n).unwrap(),
            );
        }
        let now = start + TRIM_MARK * 10;
        assert_eq!(slack.trim_before(now), Some(id(5)));
        assert_eq!(slack.trim_before(now), None);
    }

    #[test]
    fn what_is_to_be_applied_again_stays() {
        let start = Instant::now();
        let mut slack = Slack::default();
        for n in 0..10 {
            slack.applied(id(n), 100, start + Duration::from_secs(n));
        }
        slack.back_to(id(3));
        assert_eq!(slack.trim_before(start + TRIM_SLACK * 2), Some(id(3)));
    }

    #[test]
    fn places_close_to_one_another_are_one() {
        let start = Instant::now();
        let mut slack = Slack::default();
        for n in 0..10_000 {
            slack.applied(id(n), 1, start + Duration::from_millis(n));
        }
        assert!(slack.marks.len() <= 41, "{}", slack.marks.len());
        let old = start + TRIM_SLACK + Duration::from_secs(60);
        assert_eq!(slack.trim_before(old), Some(id(9_999)));
    }
}
