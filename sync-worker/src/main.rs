//! `sync-worker`: the start-up checklist.

use std::{io::Write, process::ExitCode};

use sync_worker::{
    log,
    run::{Config, Error, NoConfig, run},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The projection allocates small things all the time; see `load/results/projection-rates.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bad configuration, as in `sysexits.h`.
const EX_USAGE: u8 = 64;

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os()) {
        Ok(config) => config,
        Err(NoConfig::Asked(text)) => {
            return match std::io::stdout().write_all(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        Err(NoConfig::Problems(problems)) => {
            say(&problems.join("\n"));
            return ExitCode::from(EX_USAGE);
        }
    };
    log::init(config.log, &config.log_level, &config.tls.trust);
    let ran = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            let ran = runtime.block_on(async {
                let stop = CancellationToken::new();
                tokio::spawn(listen_to_signals(stop.clone())?);
                Ok(Box::pin(run(config, stop, |_| {})).await)
            });
            // A client that still asks a Kafka which is away is not waited for.
            runtime.shutdown_background();
            ran
        });
    match ran {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            say(&error.to_string());
            ExitCode::from(Error::exit_code(&error))
        }
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// SIGTERM or SIGINT: finish the transaction under way and end.
fn listen_to_signals(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}

/// For the person at the terminal; a closed standard error is no reason to fail.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "sync-worker: {text}"));
}
