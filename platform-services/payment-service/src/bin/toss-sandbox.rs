//! `toss-sandbox`: the start-up checklist.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use payment_service::sandbox::{Config, run};
use service_kit::{shutdown::Stop, telemetry};

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os()) {
        Ok(config) => config,
        Err(none) => return none.exit_code("toss-sandbox"),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    let ran = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            runtime.block_on(async {
                run(config, Stop::on_signals()?, |_| {})
                    .await
                    .map_err(io::Error::other)
            })
        });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to end otherwise.
            drop(writeln!(io::stderr(), "toss-sandbox: {error}"));
            ExitCode::FAILURE
        }
    }
}
