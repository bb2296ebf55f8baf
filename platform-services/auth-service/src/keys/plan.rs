//! Which key signs, and which are published, at a moment.

use std::time::Duration;

/// Places in the list of keys, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// So many of the oldest are published no more.
    pub(super) retired: usize,
    /// This one signs.
    pub(super) signing: usize,
}

/// The newest key that has been published for long enough signs; where none has, the oldest does. A
/// key is retired when the next one is `retired_after` old. `made_ms` is sorted.
pub(super) fn plan(
    made_ms: &[i64],
    now_ms: i64,
    publication: Duration,
    retired_after: Duration,
) -> Plan {
    let older_than = |age: Duration| {
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        made_ms
            .iter()
            .filter(|made_ms| now_ms.saturating_sub(**made_ms) >= age_ms)
            .count()
    };
    // The first key of all signs at once: nobody has any other.
    let signing = older_than(publication).saturating_sub(1);
    Plan {
        retired: older_than(retired_after).saturating_sub(1).min(signing),
        signing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLICATION: Duration = Duration::from_millis(10);
    const RETIRED: Duration = Duration::from_millis(100);

    fn at(made_ms: &[i64], now_ms: i64) -> (usize, usize) {
        let plan = plan(made_ms, now_ms, PUBLICATION, RETIRED);
        (plan.retired, plan.signing)
    }

    #[test]
    fn a_change_goes_through_all_its_steps() {
        // The first key signs from the beginning.
        assert_eq!(at(&[0], 0), (0, 0));
        assert_eq!(at(&[0], 1_000_000), (0, 0));
        // The second is published, then signs; then the first is retired.
        let two = [0, 1000];
        assert_eq!(at(&two, 1000), (0, 0));
        assert_eq!(at(&two, 1009), (0, 0));
        assert_eq!(at(&two, 1010), (0, 1));
        assert_eq!(at(&two, 1099), (0, 1));
        assert_eq!(at(&two, 1100), (1, 1));
    }

    #[test]
    fn changes_may_overlap() {
        let three = [0, 1000, 1005];
        assert_eq!(at(&three, 1009), (0, 0));
        assert_eq!(at(&three, 1010), (0, 1));
        assert_eq!(at(&three, 1015), (0, 2));
        assert_eq!(at(&three, 1100), (1, 2));
        assert_eq!(at(&three, 1105), (2, 2));
    }

    #[test]
    fn a_clock_that_was_put_back_stops_nothing() {
        assert_eq!(at(&[1000, 2000], 0), (0, 0));
        assert_eq!(at(&[], 0), (0, 0));
    }
}
