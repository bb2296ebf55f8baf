//! A runtime, and a service on it until it is told to stop.

use std::io;

use service_kit::shutdown::Stop;
use tokio::runtime::{Builder, Runtime};

/// Two threads: many programs share the machine.
const THREADS: usize = 2;

pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
}

/// Runs what `run` makes of the signals.
pub(super) fn serve<F, E>(run: impl FnOnce(Stop) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let runtime = runtime()?;
    let done = runtime.block_on(async { Ok(Box::pin(run(Stop::on_signals()?)).await) });
    // A client that still asks a Kafka which is away is not waited for.
    runtime.shutdown_background();
    done.and_then(|ran: Result<(), E>| ran.map_err(io::Error::other))
}
