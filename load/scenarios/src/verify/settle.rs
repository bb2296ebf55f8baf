//! Waiting until nothing of the run is under way any more.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{http::Api, plan::Plan, stores::stock};

const POLL: Duration = Duration::from_millis(250);

/// Longer than the last deadline: what expires is seen some 200 ms later, by a server that has better to do.
const GRACE: Duration = Duration::from_secs(60);

/// As inventory-server has it where nobody says anything.
const TTL_SECONDS_DEFAULT: u64 = 900;

/// Waits until no unit is held, where the scenario ends so. When the last deadline is long over and some still are,
/// that is for the comparison to tell.
pub(super) fn holds_end(inventory: &Api, plan: &Plan, skus: &[String]) -> Result<(), String> {
    if plan.open_at_end {
        return Ok(());
    }
    let ttl = Duration::from_secs(plan.ttl_seconds.unwrap_or(TTL_SECONDS_DEFAULT));
    let until = Instant::now() + ttl + GRACE;
    loop {
        let held = stock::sum(&stock::figures(inventory, skus)?).reserved;
        if held == 0 || Instant::now() > until {
            return Ok(());
        }
        thread::sleep(POLL);
    }
}
