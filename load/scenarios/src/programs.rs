//! The servers of this workspace as programs. A debug build runs them out of itself, so that tests have to build
//! nothing else; a release build takes those that were built to be run.

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use service_kit::shutdown::Stop;

use crate::say;

/// Bad configuration, as in `sysexits.h`.
const EX_USAGE: u8 = 64;

pub(crate) const INVENTORY_SERVER: &str = "inventory-server";
pub(crate) const SYNC_WORKER: &str = "sync-worker";
pub(crate) const RECONCILE: &str = "reconcile";

/// How a program is started.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    /// Its first words.
    pub(crate) words: Vec<&'static str>,
}

/// The program of this name.
pub(crate) fn named(name: &'static str) -> Result<Start, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.parent().ok_or("this program is in no folder")?;
    if cfg!(debug_assertions) {
        return Ok(Start {
            program: own,
            words: vec!["program", name],
        });
    }
    // The hot path has a profile of its own.
    let (folder, profile) = match name {
        INVENTORY_SERVER => (folder.with_file_name("hot"), "hot"),
        _ => (folder.to_owned(), "release"),
    };
    let program = folder.join(name);
    if program.is_file() {
        let words = Vec::new();
        return Ok(Start { program, words });
    }
    let package = if name == RECONCILE { SYNC_WORKER } else { name };
    Err(format!(
        "{} is not built: cargo build --profile {profile} -p {package}",
        program.display()
    ))
}

/// Is the program that `args` begins with.
#[must_use]
pub fn program(args: Vec<OsString>) -> ExitCode {
    match args.first().and_then(|name| name.to_str()) {
        Some(INVENTORY_SERVER) => inventory_server(args),
        Some(SYNC_WORKER) => sync_worker(args),
        Some(RECONCILE) => sync_worker::reconcile::main(args),
        _ => usage(&[format!(
            "name one of {INVENTORY_SERVER}, {SYNC_WORKER}, {RECONCILE}"
        )]),
    }
}

fn inventory_server(args: Vec<OsString>) -> ExitCode {
    use inventory_server::{Config, NoConfig, Stop, log, run};
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(NoConfig::Asked(text)) => return told(&text),
        Err(NoConfig::Problems(problems)) => return usage(&problems),
    };
    log::init(&config);
    serve(|signals| {
        let stop = Stop {
            drain: signals.drain,
            now: signals.now,
        };
        run(config, stop, |_| {})
    })
}

fn sync_worker(args: Vec<OsString>) -> ExitCode {
    use sync_worker::{
        log,
        run::{Config, NoConfig, run},
    };
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(NoConfig::Asked(text)) => return told(&text),
        Err(NoConfig::Problems(problems)) => return usage(&problems),
    };
    log::init(config.log, &config.log_level, &config.tls.trust);
    serve(|signals| run(config, signals.drain, |_| {}))
}

/// Runs what `run` makes of the signals.
fn serve<F, E>(run: impl FnOnce(Stop) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let served = runtime.and_then(|runtime| {
        let done = runtime.block_on(async { Ok(Box::pin(run(Stop::on_signals()?)).await) });
        // A client that still asks a Kafka which is away is not waited for.
        runtime.shutdown_background();
        done.and_then(|ran: Result<(), E>| ran.map_err(io::Error::other))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn usage(problems: &[String]) -> ExitCode {
    say(&problems.join("\n"));
    ExitCode::from(EX_USAGE)
}

/// What was asked for, such as the help.
fn told(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
