use std::ffi::OsString;

use access_token::flags::TokenFlags;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use service_kit::{consumer, kafka::KafkaFlags};

use crate::config::Stores;

/// The command line as typed. Values are texts here, so that `check` can list all that is wrong at
/// once instead of stopping at the first.
#[derive(Debug, Parser)]
#[command(
    name = "sync-worker",
    version,
    about = "Carries the journal of the engine into MariaDB and Kafka, does what stock commands on Kafka ask, and opens a shard again after Redis was lost.",
    after_help = "Every flag has an environment variable SYNC_<FLAG>; the flag wins.\n\
        Exit codes: 0 stopped by SIGTERM or SIGINT, 64 bad configuration (every problem is listed), 1 anything else."
)]
pub(super) struct Flags {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Flags {
    /// What was typed, and what the environment says.
    pub(super) fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        let variables = [
            "SYNC_JWKS_URL",
            "SYNC_JWKS_FILE",
            "SYNC_TOKEN_ISSUER",
            "SYNC_TOKEN_AUDIENCE",
        ];
        let command = Self::command();
        let kafka = [
            "SYNC_KAFKA_TLS",
            "SYNC_KAFKA_SASL_MECHANISM",
            "SYNC_KAFKA_SASL_USERNAME",
            "SYNC_KAFKA_SASL_PASSWORD",
        ];
        let command = command.mut_subcommand("run", |run| {
            KafkaFlags::with_variables(TokenFlags::with_variables(run, variables), kafka)
        });
        Self::from_arg_matches(&command.try_get_matches_from(args)?)
    }
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
    /// Kafka's brokers; 127.0.0.1:9092 where nothing is said.
    #[arg(long, env = "SYNC_KAFKA_BROKERS", value_name = "HOST:PORT,...")]
    pub(super) kafka_brokers: Option<String>,
    #[command(flatten)]
    pub(super) kafka: KafkaFlags,
    /// Without Kafka: no events are written, and no commands are read. true or false.
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
    /// Who may read the audit log and reservations: none (everybody, on loopback only) or jwt (who has an
    /// access token of an administrator; services may read reservations).
    #[arg(long, env = "SYNC_AUTH", value_name = "MODE", default_value = "none")]
    pub(super) auth: String,
    // With jwt.
    #[command(flatten)]
    pub(super) tokens: TokenFlags,
    /// Serve TLS on the ops port with this certificate: PEM, the server's first, then what leads to its
    /// authority. It is read again when it changes.
    #[arg(long, env = "SYNC_TLS_CERTIFICATE", value_name = "FILE")]
    pub(super) tls_certificate: Option<String>,
    /// The certificate's private key: PEM, without a password.
    #[arg(long, env = "SYNC_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<String>,
    /// Only these parts of the worker: projection (the journal into MariaDB), events (MariaDB's
    /// outbox into Kafka), commands (stock commands from Kafka).
    #[arg(long, env = "SYNC_ONLY", value_name = "PART,...")]
    pub(super) only: Option<String>,
    /// Who publishes the outbox: relay (this process) or debezium (Kafka Connect).
    #[arg(
        long,
        env = "SYNC_PUBLISH",
        value_name = "HOW",
        default_value = "relay"
    )]
    pub(super) publish: String,
    /// Kafka Connect, asked with --publish debezium what it has published.
    #[arg(
        long,
        env = "SYNC_CONNECT_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8093"
    )]
    pub(super) connect_url: String,
    /// How long Kafka waits for a worker that says nothing, and was killed perhaps, before others get its
    /// commands. Brokers take 6 to 1800 unless they are told otherwise.
    #[arg(
        long,
        env = "SYNC_KAFKA_SESSION_SECONDS",
        value_name = "S",
        default_value = consumer::SESSION_SECONDS_DEFAULT
    )]
    pub(super) kafka_session_seconds: String,
    /// Partitions of the topics that are created.
    #[arg(
        long,
        env = "SYNC_TOPIC_PARTITIONS",
        value_name = "N",
        default_value = "6"
    )]
    pub(super) topic_partitions: String,
    /// Copies of each partition of the topics that are created.
    #[arg(
        long,
        env = "SYNC_TOPIC_REPLICATION",
        value_name = "N",
        default_value = "1"
    )]
    pub(super) topic_replication: String,
    /// How long the topics that are created keep events; at most 90 days, for which outcomes of
    /// commands are remembered.
    #[arg(
        long,
        env = "SYNC_TOPIC_RETENTION_SECONDS",
        value_name = "S",
        default_value = "604800"
    )]
    pub(super) topic_retention_seconds: String,
    /// How long stock is held for an order that waits for its payment.
    #[arg(
        long,
        env = "SYNC_ORDER_HOLD_SECONDS",
        value_name = "S",
        default_value = "900"
    )]
    pub(super) order_hold_seconds: String,
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
