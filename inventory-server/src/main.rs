//! `inventory-server`: the start-up checklist.

use std::{io::Write, process::ExitCode};

use inventory_server::{Config, Error, NoConfig, Stop, log, run};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};

/// A request makes some thirty small allocations; this allocator takes half the time for them.
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
    log::init(&config);
    let served = runtime(config.worker_threads)
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            runtime.block_on(async {
                let stop = Stop::default();
                tokio::spawn(listen_to_signals(stop.clone()).map_err(|error| error.to_string())?);
                Ok(run(config, stop, |_| {}).await)
            })
        });
    match served {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            say(&error.to_string());
            ExitCode::from(Error::exit_code(&error))
        }
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

/// One thread serves best beside a Redis that has one, too: nothing is handed over between cores.
fn runtime(worker_threads: usize) -> std::io::Result<Runtime> {
    match worker_threads {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        many => Builder::new_multi_thread()
            .worker_threads(many)
            .enable_all()
            .build(),
    }
}

/// The first SIGTERM or SIGINT drains, the second does not wait.
fn listen_to_signals(stop: Stop) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        stop.drain.cancel();
        either(&mut terminate, &mut interrupt).await;
        stop.now.cancel();
    })
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// For the person at the terminal; a closed standard error is no reason to fail.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "inventory-server: {text}"));
}
