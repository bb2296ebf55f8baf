//! `order-service`: the start-up checklist.

use std::{io::Write, process::ExitCode};

use order_service::{Config, RunError, run};
use service_kit::{shutdown::Stop, telemetry};

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os()) {
        Ok(config) => config,
        Err(none) => return none.exit_code("order-service"),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    let ran = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            runtime.block_on(async {
                let stop = Stop::on_signals()?;
                Ok(Box::pin(run(config, &stop, |_| {})).await)
            })
        });
    match ran {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            say(&error.to_string());
            ExitCode::from(RunError::exit_code(&error))
        }
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// For the person at the terminal; a closed standard error is no reason to fail.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "order-service: {text}"));
}
