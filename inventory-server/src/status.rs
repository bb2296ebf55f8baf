//! Asks the shard how it stands, for the gauges, the durability watch and the journal's budget.

use std::{sync::Arc, time::Instant};

use crate::{
    app::App,
    limits::{BACKGROUND_CALL_TIMEOUT, JOURNAL_RESUME_PERCENT, STATUS_INTERVAL},
    metrics::Operation,
};

/// Runs until it is dropped.
pub(crate) async fn run(app: Arc<App>, journal_max_bytes: u64) {
    app.metrics.shard.set_journal_max(journal_max_bytes);
    loop {
        let started = Instant::now();
        let status = app
            .engine
            .status(app.shard, started + BACKGROUND_CALL_TIMEOUT)
            .await;
        app.metrics
            .operations
            .called(Operation::Status, started.elapsed());
        match status {
            Ok(status) => {
                app.metrics.shard.set_status(&status);
                let was_full = app.is_journal_full();
                let full = over_budget(was_full, status.journal_bytes, journal_max_bytes);
                if full != was_full {
                    let bytes = status.journal_bytes;
                    tracing::warn!(
                        full,
                        bytes,
                        journal_max_bytes,
                        "the journal's memory budget"
                    );
                    app.set_journal_full(full);
                }
            }
            Err(fault) => {
                app.metrics
                    .shard
                    .fenced
                    .set(i64::from(app.engine.gate(app.shard).is_err()));
                tracing::debug!(%fault, "the shard's status is not known");
            }
        }
        tokio::time::sleep(STATUS_INTERVAL).await;
    }
}

/// Whether reserves wait: from the budget on, until well below it.
const fn over_budget(was_full: bool, bytes: u64, max: u64) -> bool {
    if was_full {
        bytes >= max / 100 * JOURNAL_RESUME_PERCENT
    } else {
        bytes >= max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_journal_admits_reserves_again_well_below_its_budget() {
        assert!(!over_budget(false, 999, 1_000));
        assert!(over_budget(false, 1_000, 1_000));
        assert!(over_budget(true, 950, 1_000));
        assert!(!over_budget(true, 949, 1_000));
    }
}
