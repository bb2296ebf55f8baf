//! `auth-service`: the start-up checklist.

use std::{io::Write as _, process::ExitCode};

use auth_service::{
    rotate_keys::rotate_keys,
    run::{Command, Config, RotateConfig, run},
};
use service_kit::{shutdown::Stop, telemetry, tls::Trust};

fn main() -> ExitCode {
    let command = match Command::from_args(std::env::args_os()) {
        Ok(command) => command,
        Err(none) => return none.exit_code("auth-service"),
    };
    let done = match command {
        Command::Run(config) => serve(*config),
        Command::RotateKeys(config) => rotate(&config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to end otherwise.
            drop(writeln!(std::io::stderr(), "auth-service: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> Result<(), String> {
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let stop = Stop::on_signals().map_err(|error| error.to_string())?;
        Box::pin(run(config, stop, |_| {}))
            .await
            .map_err(|error| error.to_string())
    })
}

fn rotate(config: &RotateConfig) -> Result<(), String> {
    // It makes no spans.
    telemetry::init(config.log, &config.log_level, &Trust::default());
    let rotated = rotate_keys(config).map_err(|error| error.to_string())?;
    let (kid, removed) = (rotated.kid, rotated.removed.len());
    writeln!(
        std::io::stdout(),
        "new key {kid}; {removed} old ones removed"
    )
    .map_err(|error| error.to_string())
}
