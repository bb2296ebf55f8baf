//! How fast a backlog is drained with the hot path idle.

use std::time::Instant;

use compare::target::one_line;
use devstack::mariadb::MariaDbServer;
use inventory_core::ShardId;

use projection::stack::Stack;

/// What was drained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drained {
    /// Journal entries.
    pub(crate) entries: usize,
    /// Reservations in each of them.
    pub(crate) reservations_each: usize,
    /// Seconds from the start of the worker until MariaDB had the last.
    pub(crate) seconds: f64,
}

impl Drained {
    /// Reservations per second.
    #[must_use]
    pub(crate) fn reservations_per_second(&self) -> f64 {
        let all = self.entries.saturating_mul(self.reservations_each);
        f64::from(u32::try_from(all).unwrap_or(u32::MAX)) / self.seconds
    }

    /// Entries per second.
    #[must_use]
    pub(crate) fn entries_per_second(&self) -> f64 {
        f64::from(u32::try_from(self.entries).unwrap_or(u32::MAX)) / self.seconds
    }
}

/// Calls in flight while the journal is filled.
const WRITERS: usize = 64;

/// Fills the journal without a worker, then lets one drain it.
///
/// # Errors
/// What did not start or answer.
pub(crate) async fn drain(
    mariadb: &MariaDbServer,
    entries: usize,
    reservations_each: usize,
    skus: u32,
) -> Result<Drained, String> {
    let stack = Stack::start(mariadb, skus).await?;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let engine = stack.engine.clone();
            tokio::spawn(async move {
                for entry in (writer..entries).step_by(WRITERS) {
                    let commands = (0..reservations_each)
                        .map(|place| {
                            let sku = (entry.wrapping_mul(31).wrapping_add(place))
                                % usize::try_from(skus).unwrap_or(1)
                                + 1;
                            one_line(&format!("drain-{entry}-{place}"), &format!("sku-{sku}"))
                        })
                        .collect::<Result<Vec<_>, _>>()?;
                    let deadline = Instant::now() + std::time::Duration::from_secs(30);
                    for held in engine
                        .reserve_batch(ShardId::ZERO, &commands, deadline)
                        .await
                    {
                        held.map_err(|fault| fault.to_string())?
                            .map_err(|refusal| format!("{refusal:?}"))?;
                    }
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await.map_err(|error| error.to_string())??;
    }
    let began = Instant::now();
    let worker = stack.worker()?;
    stack.caught_up().await?;
    let drained = Drained {
        entries,
        reservations_each,
        seconds: began.elapsed().as_secs_f64(),
    };
    worker
        .process
        .terminate()
        .map_err(|error| error.to_string())?;
    projection::say(&format!(
        "{drained:?}: {:.0} reservations/s",
        drained.reservations_per_second()
    ));
    Ok(drained)
}
