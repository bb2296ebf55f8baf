use clap::{Args, Parser, Subcommand};

use crate::config::Stores;

/// The command line as typed. Values are texts here, so that `check` can list all that is wrong at
/// once instead of stopping at the first.
#[derive(Debug, Parser)]
#[command(
    name = "sync-worker",
    version,
    about = "Carries the journal of the engine into MariaDB, and opens a shard again after Redis was lost.",
    after_help = "Every flag has an environment variable SYNC_<FLAG>; the flag wins.\n\
        Exit codes: 0 stopped by SIGTERM or SIGINT, 64 bad configuration (every problem is listed), 1 anything else."
)]
pub(super) struct Flags {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run until told to stop. Several may run: each shard has one owner at a time.
    Run(Run),
}

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) stores: Stores,
    /// Kafka's brokers, to send events to; not built yet, say --no-kafka.
    #[arg(long, env = "SYNC_KAFKA_BROKERS", value_name = "HOST:PORT,...")]
    pub(super) kafka_brokers: Option<String>,
    /// Send no events: true or false.
    #[arg(
        long,
        env = "SYNC_NO_KAFKA",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    pub(super) no_kafka: String,
    /// Address and port of health, metrics and queries; port 0 takes a free one (the line `listening`
    /// in the log names it).
    #[arg(
        long,
        env = "SYNC_OPS_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8090"
    )]
    pub(super) ops_listen: String,
    /// Only these parts of the worker: projection; events and commands are not built yet.
    #[arg(long, env = "SYNC_ONLY", value_name = "PART,...")]
    pub(super) only: Option<String>,
    /// How long closed reservations and the outcomes of adjustments stay in Redis: a restore puts
    /// back those that are younger. As inventory-server was told.
    #[arg(
        long,
        env = "SYNC_RETENTION_SECONDS",
        value_name = "S",
        default_value = "86400"
    )]
    pub(super) retention_seconds: String,
    /// Log format: text or json.
    #[arg(long, env = "SYNC_LOG", value_name = "FORMAT", default_value = "text")]
    pub(super) log: String,
    /// Log level: error, warn, info, debug, trace, or a filter such as `warn,sync_worker=debug`.
    #[arg(
        long,
        env = "SYNC_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(super) log_level: String,
}
