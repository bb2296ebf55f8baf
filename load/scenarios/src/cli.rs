//! The command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs k6 scenarios, and verifies what they measured.
///
/// Exit codes: 0 fine; 1 a difference was found, or the run failed; 99 all agree, but a threshold of
/// the script was crossed; 64 usage.
#[derive(Debug, Parser)]
#[command(name = "scenarios", bin_name = "cargo dev load", max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario.
    Run(Box<RunOptions>),
    /// Compare two runs by their JSON files.
    Report {
        /// The earlier run.
        before: PathBuf,
        /// The later run.
        after: PathBuf,
        /// Where to write the page; without it only a table is printed.
        #[arg(long)]
        html: Option<PathBuf>,
    },
    /// Be a server of this workspace: a debug build runs them out of itself.
    #[command(hide = true)]
    Program {
        /// Its command line, from its name on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// How hard, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Ten seconds: does it work?
    Smoke,
    /// A load that must be served well.
    Baseline,
    /// Stairs to a load that may be served badly, but never wrongly.
    Stress,
    /// Ever more, to see where the latency leaves the ground.
    Breakpoint,
    /// A flat rate for long.
    Soak,
}

impl Profile {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Baseline => "baseline",
            Self::Stress => "stress",
            Self::Breakpoint => "breakpoint",
            Self::Soak => "soak",
        }
    }
}

/// What an acknowledged write survives, in a private stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Nothing: no append-only file.
    None,
    /// The append-only file is flushed every second.
    Everysec,
    /// It is flushed before the answer.
    Always,
}

impl Durability {
    /// As inventory-server calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Everysec => "everysec",
            Self::Always => "always",
        }
    }
}

/// A run.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// A scenario, as `cargo dev load` lists them.
    pub scenario: String,
    /// How hard, and for how long.
    #[arg(long, value_enum, default_value_t = Profile::Baseline)]
    pub profile: Profile,
    /// A fixed crowd, each waiting for its answer before it asks again, not arrivals at a rate.
    #[arg(long)]
    pub closed: bool,
    /// Arrivals a second, instead of the profile's.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds of load, instead of the profile's.
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<u64>,
    /// Units of each SKU, instead of the profile's.
    #[arg(long)]
    pub units: Option<u64>,
    /// Durability of a private stack.
    #[arg(long, value_enum, default_value_t = Durability::Everysec)]
    pub durability: Durability,
    /// Where things are.
    #[command(flatten)]
    pub there: There,
    /// One more output of k6, as its --out takes it. Repeatable.
    #[arg(long, value_name = "OUTPUT")]
    pub out: Vec<String>,
    /// Folder of the scenarios.
    #[arg(long, default_value = "load/scenarios/k6", hide = true)]
    pub scripts: PathBuf,
    /// Folder of the results.
    #[arg(long, default_value = "load/results")]
    pub keep: PathBuf,
}

/// A stack that runs already. Without `--base-url` a private one is started.
#[derive(Debug, Default, Args)]
pub struct There {
    /// inventory-server.
    #[arg(long, env = "LOAD_BASE_URL")]
    pub base_url: Option<String>,
    /// Its Redis: journal, memory and durability are looked at there.
    #[arg(long, env = "LOAD_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// The database of the projection.
    #[arg(long, env = "LOAD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Kafka.
    #[arg(long, env = "LOAD_KAFKA_BROKERS")]
    pub kafka_brokers: Option<String>,
    /// The ops port of sync-worker, for the lag.
    #[arg(long, env = "LOAD_WORKER_URL")]
    pub worker_url: Option<String>,
    /// Process of inventory-server on this machine, for its memory.
    #[arg(long, env = "LOAD_SERVER_PID")]
    pub server_pid: Option<u32>,
    /// Process of sync-worker on this machine, for its memory.
    #[arg(long, env = "LOAD_WORKER_PID")]
    pub worker_pid: Option<u32>,
    /// A token with the role ADMIN or SERVICE, where inventory-server wants one; it must outlive the run.
    #[arg(long, env = "LOAD_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A file with the body of an admin's login, for scenarios that need the shop, or a token.
    #[arg(long, env = "LOAD_ADMIN_LOGIN")]
    pub admin_login: Option<PathBuf>,
    /// auth-service.
    #[arg(long, env = "LOAD_AUTH_URL", default_value = "http://127.0.0.1:8089")]
    pub auth_url: String,
    /// user-service.
    #[arg(long, env = "LOAD_USER_URL", default_value = "http://127.0.0.1:8081")]
    pub user_url: String,
    /// catalog-service.
    #[arg(
        long,
        env = "LOAD_CATALOG_URL",
        default_value = "http://127.0.0.1:8084"
    )]
    pub catalog_url: String,
    /// order-service.
    #[arg(long, env = "LOAD_ORDER_URL", default_value = "http://127.0.0.1:8085")]
    pub order_url: String,
    /// payment-service.
    #[arg(
        long,
        env = "LOAD_PAYMENT_URL",
        default_value = "http://127.0.0.1:8087"
    )]
    pub payment_url: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_has_defaults_for_all_but_its_scenario() {
        let cli = Cli::try_parse_from(["scenarios", "run", "flash-sale"]).unwrap();
        let Command::Run(options) = cli.command else {
            panic!("another command");
        };
        assert_eq!(options.profile.name(), "baseline");
        assert_eq!(options.durability.name(), "everysec");
        assert!(Cli::try_parse_from(["scenarios", "run"]).is_err());
        assert!(Cli::try_parse_from(["scenarios", "run", "soak", "--profile", "wild"]).is_err());
    }
}
