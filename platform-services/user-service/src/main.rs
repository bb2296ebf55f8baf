//! `user-service`: the start-up checklist.

use std::{io::Write as _, process::ExitCode};

use service_kit::{shutdown::Stop, telemetry, tls::Trust};
use user_service::{
    create_admin::{Created, create_admin},
    run::{AdminConfig, Command, Config, run},
};

fn main() -> ExitCode {
    let command = match Command::from_args(std::env::args_os()) {
        Ok(command) => command,
        Err(none) => return none.exit_code("user-service"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| match command {
            Command::Run(config) => runtime.block_on(serve(*config)),
            Command::CreateAdmin(config) => runtime.block_on(admin(*config)),
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to end otherwise.
            drop(writeln!(std::io::stderr(), "user-service: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), String> {
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    let stop = Stop::on_signals().map_err(|error| error.to_string())?;
    Box::pin(run(config, stop, |_| {}))
        .await
        .map_err(|error| error.to_string())
}

async fn admin(config: AdminConfig) -> Result<(), String> {
    // It makes no spans.
    telemetry::init(config.log, &config.log_level, &Trust::default());
    let email = config.email.clone();
    let created = create_admin(config, std::io::stdin().lock())
        .await
        .map_err(|error| error.to_string())?;
    let line = match created {
        Created::New(user_id) => format!("{email} is an admin now: {user_id}"),
        Created::Before(user_id) => format!("{email} is an admin already: {user_id}"),
    };
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}
