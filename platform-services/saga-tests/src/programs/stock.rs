//! The engine's programs, which do not stand on `service-kit`.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use super::{EX_USAGE, ended, plain, say};

pub(super) fn inventory(args: Vec<OsString>) -> ExitCode {
    use inventory_server::{Config, NoConfig, Stop, log, run};

    const NAME: &str = "inventory-server";
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(NoConfig::Asked(text)) => return told(&text),
        Err(NoConfig::Problems(problems)) => return usage(NAME, &problems),
    };
    log::init(&config);
    let serving = plain::serve(|signals| {
        let stop = Stop {
            drain: signals.drain,
            now: signals.now,
        };
        run(config, stop, |_| {})
    });
    ended(NAME, serving)
}

pub(super) fn sync(args: Vec<OsString>) -> ExitCode {
    use sync_worker::{
        log,
        run::{Config, NoConfig, run},
    };

    const NAME: &str = "sync-worker";
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(NoConfig::Asked(text)) => return told(&text),
        Err(NoConfig::Problems(problems)) => return usage(NAME, &problems),
    };
    log::init(config.log, &config.log_level, &config.tls.trust);
    let serving = plain::serve(|signals| run(config, signals.drain, |_| {}));
    ended(NAME, serving)
}

pub(super) fn reconcile(args: Vec<OsString>) -> ExitCode {
    sync_worker::reconcile::main(args)
}

fn usage(program: &str, problems: &[String]) -> ExitCode {
    say(program, &problems.join("\n"));
    ExitCode::from(EX_USAGE)
}

/// What was asked for, such as the help.
fn told(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
