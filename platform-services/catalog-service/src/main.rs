//! `catalog-service`: the start-up checklist.

use std::{io::Write, process::ExitCode};

use catalog_service::{config::Config, run::run};
use service_kit::{shutdown::Stop, telemetry};

const PROGRAM: &str = "catalog-service";

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os()) {
        Ok(config) => config,
        Err(no_config) => return no_config.exit_code(PROGRAM),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    let ran = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            runtime.block_on(async {
                let stop = Stop::on_signals()?;
                Ok(Box::pin(run(config, stop, |_| {})).await)
            })
        });
    let told = match ran {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    // A closed standard error is no reason to end otherwise.
    drop(writeln!(std::io::stderr(), "{PROGRAM}: {told}"));
    ExitCode::FAILURE
}
