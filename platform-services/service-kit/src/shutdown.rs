//! The end of a process: the first SIGTERM or SIGINT drains, the second does not wait.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How a process is told to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Take nothing new, finish what was begun.
    pub drain: CancellationToken,
    /// Do not wait any longer.
    pub now: CancellationToken,
}

impl Stop {
    /// Listens to the signals from now on.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = Self::default();
        let told = stop.clone();
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            told.drain.cancel();
            either(&mut terminate, &mut interrupt).await;
            told.now.cancel();
        });
        Ok(stop)
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
