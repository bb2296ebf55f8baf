//! What a projection needs of stored bytes beyond the reservation that they say.

use super::record::JOURNAL_ID_LEN;
use crate::domain::{Epoch, JournalId, TimestampMs};

/// Bytes of a stored record before its text.
const HEADER_LEN: usize = 22;

/// What the stored bytes of a reservation or of an outcome begin with: the journal entry of the last
/// change, and when the reservation was created or the outcome came about. `None`: these bytes are
/// neither.
#[must_use]
pub fn stored_stamp(stored: &[u8]) -> Option<(JournalId, TimestampMs)> {
    let (id, rest) = stored.split_at_checked(JOURNAL_ID_LEN)?;
    let (epoch, n) = id.split_at_checked(6)?;
    let id = JournalId {
        epoch: Epoch(unsigned(epoch)),
        n: unsigned(n),
    };
    Some((id, TimestampMs(unsigned(rest.get(..6)?))))
}

/// The lines of a stored reservation (by index, from 0) that were counted against the purchase limit
/// of their SKU, each with the generation of that limit.
#[must_use]
pub fn counted_lines(stored: &[u8]) -> Vec<(usize, JournalId)> {
    let text = stored.get(HEADER_LEN..).unwrap_or_default();
    let mut marks = text.split(|byte| *byte == b'\n').skip(1);
    let counted = marks.find_map(|mark| mark.strip_prefix(b"u"));
    let Some(counted) = counted.and_then(|counted| std::str::from_utf8(counted).ok()) else {
        return Vec::new();
    };
    counted
        .split(',')
        .filter_map(|line| {
            let (number, generation) = line.split_once(':')?;
            let index = number.parse::<usize>().ok()?.checked_sub(1)?;
            Some((index, generation.parse().ok()?))
        })
        .collect()
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_a_record_are_read() {
        let mut stored = vec![
            0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 9, b'R', 0, 0, 0, 1,
        ];
        let id = |epoch, n| JournalId {
            epoch: Epoch(epoch),
            n,
        };
        assert_eq!(stored_stamp(&stored), Some((id(256, 7), TimestampMs(9))));
        assert_eq!(stored_stamp(&stored[..16]), None);
        assert_eq!(counted_lines(&stored), []);
        stored.extend_from_slice(b"a=1,b=2,c=3\to\tu1:9-9\nu1:5-6,3:7-8\nx4");
        assert_eq!(counted_lines(&stored), [(0, id(5, 6)), (2, id(7, 8))]);
    }
}
