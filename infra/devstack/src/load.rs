//! `load`: runs a scenario of `load/`, with its tools installed.

use std::{ffi::OsString, process::Command};

use crate::{
    failure::Failure,
    output, packages,
    requirement::{self, Requirement},
    workspace::Workspace,
};

/// A folder of `load/` with an executable `run`.
struct Scenario {
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static Requirement],
}

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "compare",
        about: "the engine against the usual ways to do it, in one run on one machine",
        needs: &[
            &requirement::REDIS_SERVER,
            &requirement::WRK,
            &requirement::REDIS_BENCHMARK,
        ],
    },
    Scenario {
        name: "events",
        about: "how long a change takes from its HTTP request to Kafka",
        needs: &[
            &requirement::REDIS_SERVER,
            &requirement::MARIADB_SERVER,
            &requirement::JAVA,
            &requirement::MAVEN,
            &requirement::ZLIB,
        ],
    },
    Scenario {
        name: "projection",
        about: "the write-behind to MariaDB: how fast, beside plain SQL, and what it costs the engine",
        needs: &[
            &requirement::REDIS_SERVER,
            &requirement::MARIADB_SERVER,
            &requirement::WRK,
        ],
    },
    Scenario {
        name: "shop",
        about: "the shop that cargo dev up has started: orders through the saga, logins, the catalog",
        needs: &[],
    },
];

pub(crate) fn run(
    workspace: &Workspace,
    name: Option<&str>,
    args: &[OsString],
) -> Result<(), Failure> {
    let Some(name) = name else {
        let row = |scenario: &Scenario| vec![scenario.name.to_owned(), scenario.about.to_owned()];
        output::table(&SCENARIOS.iter().map(row).collect::<Vec<_>>());
        return Ok(());
    };
    let scenario = SCENARIOS
        .iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            let message = format!("there is no load scenario called {name}");
            Failure::usage(message, format!("one of: {}", names.join(", ")))
        })?;
    let program = workspace.root().join("load").join(name).join("run");
    if !program.is_file() {
        let message = format!("{} is missing", workspace.shown(&program));
        return Err(Failure::new(message, "git status shows what was deleted"));
    }
    output::step("packages", || packages::require(scenario.needs))?;
    let mut command = Command::new(&program);
    crate::environment::without_cargo_run(&mut command);
    match command.args(args).current_dir(workspace.root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(
            format!("load {name} failed ({status})"),
            "the reason is above",
        )),
        Err(error) => {
            let message = format!("{} does not start: {error}", workspace.shown(&program));
            Err(Failure::new(message, "it has to be executable: chmod +x"))
        }
    }
}
