//! Waiting for a condition, with a deadline, instead of sleeping and hoping.

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result};

const POLL_MIN: Duration = Duration::from_millis(1);
const POLL_MAX: Duration = Duration::from_millis(20);

/// Returns as soon as `condition` holds. It is asked at once, then after 1, 2, 4 … and at most 20 ms.
///
/// `what` states the condition ("redis answers PING") and ends up in the error. Blocks the thread: in async
/// code call it inside `spawn_blocking`.
///
/// # Errors
/// [`Error::TimedOut`] when `timeout` has passed; the condition is asked a last time after it.
pub fn until(
    timeout: Duration,
    what: impl Display,
    mut condition: impl FnMut() -> bool,
) -> Result<()> {
    until_some(timeout, what, || condition().then_some(()))
}

/// Like [`until`], for a condition that yields a value when it holds.
///
/// # Errors
/// [`Error::TimedOut`] when `timeout` has passed without a value.
pub fn until_some<T>(
    timeout: Duration,
    what: impl Display,
    mut condition: impl FnMut() -> Option<T>,
) -> Result<T> {
    let started = Instant::now();
    let mut pause = POLL_MIN;
    loop {
        let late = started.elapsed() >= timeout;
        if let Some(value) = condition() {
            return Ok(value);
        }
        if late {
            return Err(Error::TimedOut {
                what: what.to_string(),
                limit: timeout,
            });
        }
        thread::sleep(pause.min(timeout.saturating_sub(started.elapsed())));
        pause = (pause * 2).min(POLL_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_holds_is_asked_once() {
        let mut asked = 0;
        until(Duration::ZERO, "at once", || {
            asked += 1;
            true
        })
        .unwrap();
        assert_eq!(asked, 1);
    }

    #[test]
    fn the_value_is_handed_back_when_it_appears() {
        let mut asked = 0;
        let value = until_some(Duration::from_secs(5), "the third time", || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(value.unwrap(), 3);
    }

    #[test]
    fn the_error_names_the_condition_and_the_limit() {
        let error = until(Duration::from_millis(5), "pigs fly", || false).unwrap_err();
        assert_eq!(error.to_string(), "pigs fly: not within 5ms");
    }
}
