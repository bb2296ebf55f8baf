//! The services on `service-kit`.

use std::{ffi::OsString, io, process::ExitCode};

use service_kit::{telemetry, tls::Trust};

use super::{ended, plain};

pub(super) fn auth(args: Vec<OsString>) -> ExitCode {
    use auth_service::{
        rotate_keys::rotate_keys,
        run::{Command, run},
    };

    const NAME: &str = "auth-service";
    let config = match Command::from_args(args) {
        Ok(Command::Run(config)) => config,
        Ok(Command::RotateKeys(config)) => {
            telemetry::init(config.log, &config.log_level, &Trust::default());
            return ended(NAME, rotate_keys(&config).map(drop));
        }
        Err(none) => return none.exit_code(NAME),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    ended(NAME, plain::serve(|stop| run(*config, stop, |_| {})))
}

pub(super) fn user(args: Vec<OsString>) -> ExitCode {
    use user_service::{
        create_admin::create_admin,
        run::{Command, run},
    };

    const NAME: &str = "user-service";
    let config = match Command::from_args(args) {
        Ok(Command::Run(config)) => config,
        Ok(Command::CreateAdmin(config)) => {
            telemetry::init(config.log, &config.log_level, &Trust::default());
            let created = plain::runtime().and_then(|runtime| {
                let created = create_admin(*config, io::stdin().lock());
                runtime.block_on(created).map_err(io::Error::other)
            });
            return ended(NAME, created.map(drop));
        }
        Err(none) => return none.exit_code(NAME),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    ended(NAME, plain::serve(|stop| run(*config, stop, |_| {})))
}

pub(super) fn catalog(args: Vec<OsString>) -> ExitCode {
    use catalog_service::{config::Config, run::run};

    const NAME: &str = "catalog-service";
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(none) => return none.exit_code(NAME),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    ended(NAME, plain::serve(|stop| run(config, stop, |_| {})))
}

pub(super) fn order(args: Vec<OsString>) -> ExitCode {
    use order_service::{Config, run};

    const NAME: &str = "order-service";
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(none) => return none.exit_code(NAME),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    let serving = plain::serve(|stop| async move { run(config, &stop, |_| {}).await });
    ended(NAME, serving)
}

pub(super) fn payment(args: Vec<OsString>) -> ExitCode {
    use payment_service::{Config, run};

    const NAME: &str = "payment-service";
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(none) => return none.exit_code(NAME),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    ended(NAME, plain::serve(|stop| run(config, stop, |_| {})))
}

pub(super) fn sandbox(args: Vec<OsString>) -> ExitCode {
    use payment_service::sandbox::{Config, run};

    const NAME: &str = "toss-sandbox";
    let config = match Config::from_args(args) {
        Ok(config) => config,
        Err(none) => return none.exit_code(NAME),
    };
    telemetry::init(config.log, &config.log_level, &config.tls.trust);
    ended(NAME, plain::serve(|stop| run(config, stop, |_| {})))
}
