//! The command line.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::USAGE;

/// The highest service port plus this still is a port.
const PORT_OFFSET_MAX: i64 = 50_000;

#[derive(Debug, Parser)]
#[command(
    name = "devstack",
    bin_name = "cargo dev",
    about = "Starts, shows, tests and stops the stack on this machine",
    after_help = "State and logs live in .devstack/. Exit codes: 0 fine, 1 something failed, 64 usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build and start everything, fill the demo shop, place an order; returns when all is ready
    Up(UpOptions),
    /// Place another order in the demo shop; with the engine alone: reserve, confirm, release
    Demo,
    /// Stop everything that `up` started
    Down,
    /// What runs, where, since when
    Status,
    /// Show the output of a server
    Logs(LogsOptions),
    /// Build a server anew, stop it, start it (stores and Kafka: stop and start on the same data)
    Restart {
        /// Server, as `status` names it
        name: String,
    },
    /// Stop everything and delete all state (.devstack/)
    Reset,
    /// Check what this machine needs, and say how to get what is missing
    Doctor,
    /// Format, lints, docs and all tests: what CI runs
    Test {
        /// Run only the tests whose name contains this, and no other step
        filter: Option<String>,
    },
    /// Run the long tests; the output is kept in load/results/
    Soak,
    /// Run a load scenario, or compare two runs (`load report BEFORE AFTER`); without a name, list all
    Load {
        /// Scenario, or `report`
        scenario: Option<String>,
        /// Passed on; `load flash-sale --help` says what there is
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Become a server in a session of its own (used by `up`)
    #[command(hide = true)]
    Detached {
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    /// Start only this part of the stack
    #[arg(long, value_enum)]
    pub(crate) only: Option<Part>,
    /// Let events be published from the binlog of MariaDB, not by the services themselves
    #[arg(long, value_enum, conflicts_with = "only")]
    pub(crate) cdc: Option<Cdc>,
    /// Start everything and fill the demo shop, but place no order
    #[arg(long)]
    pub(crate) no_demo: bool,
    /// Start Prometheus as well, with the rules and alerts of infra/prometheus
    #[arg(long)]
    pub(crate) monitoring: bool,
    /// Added to every port; remembered until `reset` or another value
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=PORT_OFFSET_MAX))]
    pub(crate) port_offset: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// inventory-server on a Redis of its own, without authentication
    Inventory,
}

/// Who reads the binlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cdc {
    /// Kafka Connect with Debezium
    Debezium,
}

#[derive(Debug, Args)]
pub(crate) struct LogsOptions {
    /// Server, as `status` names it
    pub(crate) name: String,
    /// Go on showing what is written
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Lines to show from the end
    #[arg(short = 'n', long, default_value_t = 50)]
    pub(crate) lines: u32,
}

/// The command, or the exit code after help or a usage error has been printed.
pub(crate) fn parse() -> Result<Command, ExitCode> {
    Cli::try_parse().map(|cli| cli.command).map_err(|error| {
        // Nobody is left to hear of a closed terminal.
        let _ = error.print();
        if error.use_stderr() {
            ExitCode::from(USAGE)
        } else {
            ExitCode::SUCCESS
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        let words = line.split_ascii_whitespace();
        Cli::try_parse_from(std::iter::once("devstack").chain(words)).map(|cli| cli.command)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn up_takes_what_it_can_do_and_nothing_else() {
        assert!(parsed("up").is_ok());
        assert!(parsed("up --only inventory --port-offset 1000").is_ok());
        assert!(parsed("up --cdc debezium --no-demo").is_ok());
        assert!(parsed("up --monitoring").is_ok());
        assert!(parsed("up --only inventory --monitoring").is_ok());
        for line in [
            "up --port-offset 60000",
            "up --port-offset -1",
            "up --only shop",
            "up --only inventory --cdc debezium",
            "up --cdc maxwell",
            "up --monitoring grafana",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_runbooks_type_what_is_understood() {
        let typed = monitoring::typed::of("cargo dev").unwrap();
        assert!(typed.len() > 2, "{typed:?}");
        for (page, run) in typed {
            let words = ["devstack".to_owned()].into_iter().chain(run.arguments);
            let words: Vec<String> = words.collect();
            let parsed = Cli::try_parse_from(&words);
            assert!(parsed.is_ok(), "{page}: {words:?}: {parsed:?}");
        }
    }

    #[test]
    fn arguments_of_a_scenario_are_its_own() {
        let Ok(Command::Load { scenario, args }) = parsed("load compare --seconds 5 -c 64") else {
            panic!("not understood");
        };
        assert_eq!(scenario.as_deref(), Some("compare"));
        assert_eq!(args, ["--seconds", "5", "-c", "64"]);
    }
}
