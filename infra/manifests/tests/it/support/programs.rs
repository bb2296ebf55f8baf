//! The programs, asked whether they take a command line and an environment.

use std::ffi::OsString;

/// What is wrong with it. Each variable is given as the flag that it stands for, which all programs promise.
pub(crate) fn problems(program: &str, args: &[String], env: &[(String, String)]) -> Vec<String> {
    let prefix = prefix(program);
    let mut words = vec![program.to_owned()];
    words.extend(args.iter().cloned());
    for (name, value) in env {
        let Some(flag) = name.strip_prefix(prefix) else {
            return vec![format!("{name} is no variable of {program}")];
        };
        words.push(format!(
            "--{}={value}",
            flag.to_lowercase().replace('_', "-")
        ));
    }
    parse(program, words.into_iter().map(OsString::from).collect())
}

/// The text of `--help`.
pub(crate) fn help(program: &str) -> String {
    let mut words = vec![program];
    if program == "sync-worker" {
        words.push("run");
    }
    words.push("--help");
    let asked = parse(program, words.into_iter().map(OsString::from).collect());
    asked.concat()
}

fn prefix(program: &str) -> &'static str {
    match program {
        "inventory-server" => "INVENTORY_",
        "sync-worker" | "reconcile" => "SYNC_",
        "auth-service" => "AUTH_",
        "user-service" => "USER_",
        "catalog-service" => "CATALOG_",
        "order-service" => "ORDER_",
        "payment-service" => "PAYMENT_",
        "toss-sandbox" => "SANDBOX_",
        other => panic!("there is no program {other}"),
    }
}

fn parse(program: &str, words: Vec<OsString>) -> Vec<String> {
    match program {
        "inventory-server" => match inventory_server::Config::from_args(words) {
            Ok(_) => Vec::new(),
            Err(inventory_server::NoConfig::Asked(text)) => vec![text],
            Err(inventory_server::NoConfig::Problems(problems)) => problems,
        },
        "sync-worker" => match sync_worker::run::Config::from_args(words) {
            Ok(_) => Vec::new(),
            Err(sync_worker::run::NoConfig::Asked(text)) => vec![text],
            Err(sync_worker::run::NoConfig::Problems(problems)) => problems,
        },
        // It has no other way to be asked; with stores that are away it ends at once.
        "reconcile" => {
            let code = format!("{:?}", sync_worker::reconcile::main(words));
            if code.contains("64") {
                vec![code]
            } else {
                Vec::new()
            }
        }
        "auth-service" => of(auth_service::run::Command::from_args(words)),
        "user-service" => of(user_service::run::Command::from_args(words)),
        "catalog-service" => of(catalog_service::config::Config::from_args(words)),
        "order-service" => of(order_service::Config::from_args(words)),
        "payment-service" => of(payment_service::Config::from_args(words)),
        "toss-sandbox" => of(payment_service::sandbox::Config::from_args(words)),
        other => panic!("there is no program {other}"),
    }
}

fn of<C>(config: Result<C, service_kit::config::NoConfig>) -> Vec<String> {
    use service_kit::config::NoConfig;

    match config {
        Ok(_) => Vec::new(),
        Err(NoConfig::Asked(text)) => vec![text],
        Err(NoConfig::Problems(problems)) => problems,
    }
}
