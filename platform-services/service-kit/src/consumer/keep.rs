use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Consumer, work::Process};
use crate::backoff::Backoff;

/// The first and the longest pause before another consumer begins.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

#[expect(
    private_bounds,
    reason = "there are two ways to process an event, and both are in the module above"
)]
impl<P: Process> Consumer<P> {
    /// Consumes until `stop`, with a new consumer whenever Kafka will have the one before no more.
    pub async fn keep(mut make: impl FnMut() -> Self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        while !stop.is_cancelled() {
            let Err(error) = make().run(stop.clone()).await else {
                return;
            };
            tracing::error!(%error, "the consumer ended; another follows");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(backoff.pause()) => {}
            }
        }
    }
}
