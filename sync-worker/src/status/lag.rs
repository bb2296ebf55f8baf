use std::time::Instant;

use inventory_core::TimestampMs;

use crate::limits::LEVEL_FRESH;

/// How far the projection is behind, as it was when somebody last knew. Its age goes on while nobody
/// looks, so that it never stands still when the projection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lag {
    /// Nobody here is to project.
    #[default]
    NotOurs,
    /// All was applied at this moment. What came since is not known.
    Level(Instant),
    /// The oldest entry that is not applied was so old (ms) at this moment.
    Behind {
        /// Its age.
        age_ms: u64,
        /// When it had that age.
        at: Instant,
    },
}

impl Lag {
    /// An entry of the journal, written at `oldest`, is the oldest that is not applied; the shard's clock
    /// says `now`.
    #[must_use]
    pub fn behind(oldest: TimestampMs, now: TimestampMs) -> Self {
        Self::Behind {
            age_ms: now.since_ms(oldest),
            at: Instant::now(),
        }
    }

    /// The lag in ms: the age of the oldest entry that is not applied. 0 when all is, and was so until
    /// [`LEVEL_FRESH`] ago; after that, the time since, because the journal may have moved the moment
    /// after.
    #[must_use]
    pub fn ms(&self, now: Instant) -> u64 {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        let ms = match self {
            Self::NotOurs => return 0,
            Self::Level(at) if since(at) <= LEVEL_FRESH => return 0,
            Self::Level(at) => since(at).as_millis(),
            Self::Behind { age_ms, at } => {
                u128::from(*age_ms).saturating_add(since(at).as_millis())
            }
        };
        u64::try_from(ms).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_waits_grows_older_while_nobody_looks() {
        let at = Instant::now();
        let lag = Lag::Behind { age_ms: 1_500, at };
        assert_eq!(lag.ms(at), 1_500);
        assert_eq!(lag.ms(at + Duration::from_secs(600)), 601_500);
    }

    #[test]
    fn a_level_that_nobody_confirms_any_more_is_no_level() {
        let at = Instant::now();
        let lag = Lag::Level(at);
        assert_eq!(lag.ms(at + LEVEL_FRESH), 0);
        assert_eq!(lag.ms(at + Duration::from_secs(600)), 600_000);
    }

    #[test]
    fn who_does_not_project_is_not_behind() {
        let later = Instant::now() + Duration::from_secs(600);
        assert_eq!(Lag::NotOurs.ms(later), 0);
    }

    #[test]
    fn an_entry_is_as_old_as_the_shards_clock_says() {
        let lag = Lag::behind(TimestampMs(1_000), TimestampMs(4_000));
        assert!((3_000..4_000).contains(&lag.ms(Instant::now())));
        // A clock that went back.
        let lag = Lag::behind(TimestampMs(4_000), TimestampMs(1_000));
        assert!(lag.ms(Instant::now()) < 1_000);
    }
}
