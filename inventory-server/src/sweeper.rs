//! Expires due holds in small bites. Safe in every replica: a bite is one script call.

use std::{sync::Arc, time::Instant};

use inventory_core::{Expire, limits::SWEEP_MAX};

use crate::{
    app::App,
    limits::{BACKGROUND_CALL_TIMEOUT, SWEEP_BACKOFF_MAX, SWEEP_PAUSE},
    metrics::Operation,
};

/// Runs until it is dropped.
pub(crate) async fn run(app: Arc<App>) {
    let mut pause = SWEEP_PAUSE;
    loop {
        let started = Instant::now();
        let swept = app
            .engine
            .expire(
                app.shard,
                Expire { max: SWEEP_MAX },
                started + BACKGROUND_CALL_TIMEOUT,
            )
            .await;
        app.metrics
            .operations
            .called(Operation::Expire, started.elapsed());
        match swept {
            Ok(swept) => {
                app.metrics.shard.swept(swept);
                pause = SWEEP_PAUSE;
                // Due holds that cannot be expired are no reason to hurry.
                if swept.expired > 0 && swept.remaining > 0 {
                    tokio::task::yield_now().await;
                    continue;
                }
            }
            Err(fault) => {
                app.metrics
                    .operations
                    .refused(Operation::Expire, fault.code());
                tracing::debug!(%fault, "holds cannot be expired now");
                pause = (pause * 2).min(SWEEP_BACKOFF_MAX);
            }
        }
        tokio::time::sleep(pause).await;
    }
}
