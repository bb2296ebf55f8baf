//! Our programs take what they are given. `dlq` and `cargo dev` are no libraries: their own tests read the runbooks.

use std::{ffi::OsString, iter};

use clap::Parser as _;
use monitoring::typed::{self, Run};
use service_kit::config::NoConfig;

/// Those that people run by hand, and how often at least.
const PROGRAMS: [(&str, usize); 9] = [
    ("reconcile", 30),
    ("auth-service", 4),
    ("inventory-server", 1),
    ("sync-worker", 0),
    ("user-service", 0),
    ("catalog-service", 0),
    ("order-service", 0),
    ("payment-service", 0),
    ("toss-sandbox", 0),
];

#[test]
fn a_program_takes_what_it_is_given() {
    for (program, least) in PROGRAMS {
        let runs = typed::of(program).unwrap();
        assert!(runs.len() >= least, "{program}: {}", runs.len());
        for (page, run) in runs {
            let problems = problems(&run);
            assert!(problems.is_empty(), "{page}: {run:?}: {problems:#?}");
        }
    }
}

/// `kubectl set env deploy/NAME VARIABLE=VALUE`: the variable is one of that program's.
#[test]
fn a_variable_that_is_set_is_a_flag_of_its_program() {
    let mut seen = 0;
    for typed in typed::commands().unwrap() {
        let words: Vec<&str> = typed.words.iter().map(String::as_str).collect();
        let place = words.windows(2).position(|two| two == ["set", "env"]);
        let Some([workload, variables @ ..]) = place.and_then(|place| words.get(place + 2..))
        else {
            continue;
        };
        let program = workload.strip_prefix("deploy/").unwrap();
        if program == "NAME" {
            continue;
        }
        for variable in variables {
            let (name, value) = variable.split_once('=').unwrap();
            let (_, flag) = name.split_once('_').unwrap();
            let flag = flag.to_lowercase().replace('_', "-");
            let run = Run {
                program: program.to_owned(),
                arguments: vec![format!("--{flag}={value}")],
            };
            let problems = problems(&run);
            assert!(problems.is_empty(), "{typed:?}: {problems:#?}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// A mistake would be found.
#[test]
fn what_no_program_knows_is_a_problem() {
    for (program, arguments) in [
        ("reconcile", &["chek"][..]),
        ("reconcile", &["repair", "--sku", "17", "--reason", "x"]),
        ("auth-service", &["rotate-keys", "--folder", "/keys"]),
        ("inventory-server", &["--journal-max-bytes", "4 GiB"]),
    ] {
        let run = Run {
            program: program.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        };
        assert!(!problems(&run).is_empty(), "{run:?}");
    }
}

fn problems(run: &Run) -> Vec<String> {
    let words = iter::once(&run.program).chain(&run.arguments);
    let words: Vec<OsString> = words.map(OsString::from).collect();
    match run.program.as_str() {
        "reconcile" => match sync_worker::reconcile::Cli::try_parse_from(words) {
            Ok(_) => Vec::new(),
            Err(error) => vec![error.to_string()],
        },
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
        "auth-service" => of(auth_service::run::Command::from_args(words)),
        "user-service" => of(user_service::run::Command::from_args(words)),
        "catalog-service" => of(catalog_service::config::Config::from_args(words)),
        "order-service" => of(order_service::Config::from_args(words)),
        "payment-service" => of(payment_service::Config::from_args(words)),
        "toss-sandbox" => of(payment_service::sandbox::Config::from_args(words)),
        other => panic!("there is no program {other}"),
    }
}

fn of<C>(config: Result<C, NoConfig>) -> Vec<String> {
    match config {
        Ok(_) => Vec::new(),
        Err(NoConfig::Asked(text)) => vec![text],
        Err(NoConfig::Problems(problems)) => problems,
    }
}
