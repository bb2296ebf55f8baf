//! Waiting longer after every failure in a row.

use std::time::Duration;

/// Pauses that double from `first` to `longest`.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with `first`, ends with `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// How long to wait after this failure: between half of the step and the whole of it, so that
    /// those who failed together do not come back together.
    pub fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.longest);
        let half = step / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(crate::ids::random() % spread.max(1))
    }

    /// It worked: the next failure waits shortly again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(350));
        for step in [100, 200, 350, 350] {
            let pause = backoff.pause();
            assert!(
                pause >= ms(step / 2) && pause <= ms(step),
                "{pause:?} of {step}"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= ms(100));
    }
}
