//! Removes closed records past their retention and trims the journal, in small bites.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    app::App,
    limits::{BACKGROUND_CALL_TIMEOUT, PURGE_PAUSE},
    metrics::Operation,
};

/// How long what stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// Closed records.
    pub(crate) records: Duration,
    /// Journal entries, where no projection is attached.
    pub(crate) journal: Duration,
    /// Memory to which the journal is trimmed, in bytes, where no projection is attached.
    pub(crate) journal_max_bytes: u64,
}

/// Runs until it is dropped.
pub(crate) async fn run(app: Arc<App>, keep: Keep) {
    loop {
        let started = Instant::now();
        let deadline = started + BACKGROUND_CALL_TIMEOUT;
        let purged = app
            .engine
            .purge(
                app.shard,
                keep.records,
                keep.journal,
                keep.journal_max_bytes,
                deadline,
            )
            .await;
        app.metrics
            .operations
            .called(Operation::Purge, started.elapsed());
        match purged {
            Ok(purged) => {
                app.metrics
                    .shard
                    .records_purged
                    .inc_by(purged.records as u64);
                app.metrics.shard.entries_trimmed.inc_by(purged.entries);
                if purged.more && (purged.records > 0 || purged.entries > 0) {
                    tokio::task::yield_now().await;
                    continue;
                }
            }
            Err(fault) => {
                app.metrics
                    .operations
                    .refused(Operation::Purge, fault.code());
                tracing::debug!(%fault, "nothing can be purged now");
            }
        }
        tokio::time::sleep(PURGE_PAUSE).await;
    }
}
