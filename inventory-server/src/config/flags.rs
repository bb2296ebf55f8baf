use std::ffi::OsString;

use access_token::flags::TokenFlags;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use tls::TlsFlags;

/// The command line as typed. Values are texts here, so that `problems` can list all that is wrong
/// at once instead of stopping at the first.
#[derive(Debug, Parser)]
#[command(
    name = "inventory-server",
    version,
    about = "Reserves, confirms and releases stock over HTTP, with Redis as the only authority.",
    after_help = "Every flag has an environment variable INVENTORY_<FLAG>; the flag wins.\n\
        Exit codes: 0 stopped by SIGTERM or SIGINT, 64 bad configuration (every problem is listed), 1 anything else."
)]
pub(super) struct Flags {
    /// Address and port; port 0 takes a free one (the line `listening` in the log names it).
    #[arg(
        long,
        env = "INVENTORY_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8083"
    )]
    pub(super) listen: String,
    // Not a doc comment: rustdoc would read the URLs as links.
    #[arg(
        long,
        env = "INVENTORY_REDIS_URL",
        value_name = "URL",
        hide_env_values = true,
        help = "Redis 7.0 or newer: redis://[user:password@]host[:port][/db], rediss://... with TLS, or redis+unix:///path. Without this and --embedded-redis: redis://127.0.0.1:6379"
    )]
    pub(super) redis_url: Option<String>,
    /// Start a private redis-server that keeps its socket and its append-only file in this directory.
    #[arg(long, env = "INVENTORY_EMBEDDED_REDIS", value_name = "DIR")]
    pub(super) embedded_redis: Option<String>,
    /// Shards of the store; only 1 for now.
    #[arg(long, env = "INVENTORY_SHARDS", value_name = "N", default_value = "1")]
    pub(super) shards: String,
    /// How long a hold lasts when the request does not say: 1 to 86400.
    #[arg(
        long,
        env = "INVENTORY_DEFAULT_TTL_SECONDS",
        value_name = "S",
        default_value = "900"
    )]
    pub(super) default_ttl_seconds: String,
    /// Longest total life of a hold, extensions included: 1 to 4000000.
    #[arg(
        long,
        env = "INVENTORY_MAX_HOLD_SECONDS",
        value_name = "S",
        default_value = "86400"
    )]
    pub(super) max_hold_seconds: String,
    /// How long closed reservations and the outcomes of adjustments stay, so that a repeat is known.
    #[arg(
        long,
        env = "INVENTORY_RETENTION_SECONDS",
        value_name = "S",
        default_value = "86400"
    )]
    pub(super) retention_seconds: String,
    /// Age at which journal entries are trimmed when no projection is attached.
    #[arg(
        long,
        env = "INVENTORY_JOURNAL_KEEP_SECONDS",
        value_name = "S",
        default_value = "3600"
    )]
    pub(super) journal_keep_seconds: String,
    /// Memory budget of the journal; over it reserves answer 503 `JOURNAL_FULL`.
    #[arg(
        long,
        env = "INVENTORY_JOURNAL_MAX_BYTES",
        value_name = "BYTES",
        default_value = "1073741824"
    )]
    pub(super) journal_max_bytes: String,
    /// What an acknowledgement means when Redis dies: none, everysec (AOF fsynced every second) or
    /// always (acknowledged means fsynced). Redis settings weaker than this are refused.
    #[arg(
        long,
        env = "INVENTORY_DURABILITY",
        value_name = "LEVEL",
        default_value = "everysec"
    )]
    pub(super) durability: String,
    /// Do not ask Redis for its settings, where CONFIG is forbidden (managed Redis): true or false.
    #[arg(
        long,
        env = "INVENTORY_DURABILITY_UNVERIFIED",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    pub(super) durability_unverified: String,
    /// Who opens the shard after Redis restarted or lost data: none (this server), required (only
    /// sync-worker) or auto (none until a projection was seen attached, then required).
    #[arg(
        long,
        env = "INVENTORY_PROJECTION",
        value_name = "MODE",
        default_value = "auto"
    )]
    pub(super) projection: String,
    /// Who may call: none (everybody, on loopback only) or jwt (who has an access token; reading stock
    /// needs none).
    #[arg(
        long,
        env = "INVENTORY_AUTH",
        value_name = "MODE",
        default_value = "none"
    )]
    pub(super) auth: String,
    // With jwt.
    #[command(flatten)]
    pub(super) tokens: TokenFlags,
    #[command(flatten)]
    pub(super) tls: TlsFlags,
    /// Log format: text or json.
    #[arg(
        long,
        env = "INVENTORY_LOG",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(super) log: String,
    /// Log level: error, warn, info, debug, trace, or a filter such as `warn,inventory_core=debug`.
    #[arg(
        long,
        env = "INVENTORY_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(super) log_level: String,
    /// Time in which a request is answered once its body is there: 10 to 60000.
    #[arg(
        long,
        env = "INVENTORY_REQUEST_TIMEOUT_MS",
        value_name = "MS",
        default_value = "2000"
    )]
    pub(super) request_timeout_ms: String,
    /// Requests that may wait for a shard; one more answers 503 at once.
    #[arg(
        long,
        env = "INVENTORY_QUEUE_MAX",
        value_name = "N",
        default_value = "4096"
    )]
    pub(super) queue_max: String,
    /// Batched script calls in flight per shard: 1 to 16.
    #[arg(
        long,
        env = "INVENTORY_BATCHES_IN_FLIGHT",
        value_name = "N",
        default_value = "2"
    )]
    pub(super) batches_in_flight: String,
    /// Threads that serve requests: 1 (measured best beside one Redis) to 64.
    #[arg(
        long,
        env = "INVENTORY_WORKER_THREADS",
        value_name = "N",
        default_value = "1"
    )]
    pub(super) worker_threads: String,
    /// Time that requests in flight get after SIGTERM.
    #[arg(
        long,
        env = "INVENTORY_DRAIN_TIMEOUT_SECONDS",
        value_name = "S",
        default_value = "10"
    )]
    pub(super) drain_timeout_seconds: String,
    /// Open connections; more wait to be accepted.
    #[arg(
        long,
        env = "INVENTORY_CONNECTIONS_MAX",
        value_name = "N",
        default_value = "4096"
    )]
    pub(super) connections_max: String,
    /// Open event streams; one more answers 503.
    #[arg(
        long,
        env = "INVENTORY_STREAMS_MAX",
        value_name = "N",
        default_value = "1000"
    )]
    pub(super) streams_max: String,
    /// Bytes of request bodies held at once, all requests together; one more answers 503. At
    /// least 1048576, so that one batch request fits.
    #[arg(
        long,
        env = "INVENTORY_BODY_BUDGET_BYTES",
        value_name = "BYTES",
        default_value = "67108864"
    )]
    pub(super) body_budget_bytes: String,
    /// Time in which the head of a request must arrive, from its first byte.
    #[arg(
        long,
        env = "INVENTORY_HEADER_TIMEOUT_MS",
        value_name = "MS",
        default_value = "10000"
    )]
    pub(super) header_timeout_ms: String,
    /// Time in which the body of a request must arrive.
    #[arg(
        long,
        env = "INVENTORY_BODY_TIMEOUT_MS",
        value_name = "MS",
        default_value = "10000"
    )]
    pub(super) body_timeout_ms: String,
    /// Time that a connection may stay open without a request.
    #[arg(
        long,
        env = "INVENTORY_IDLE_TIMEOUT_MS",
        value_name = "MS",
        default_value = "75000"
    )]
    pub(super) idle_timeout_ms: String,
    /// Time to wait at start for a Redis that cannot be reached, before giving up with exit 1.
    #[arg(
        long,
        env = "INVENTORY_REDIS_WAIT_SECONDS",
        value_name = "S",
        default_value = "30"
    )]
    pub(super) redis_wait_seconds: String,
}

impl Flags {
    /// What was typed, and what the environment says.
    pub(super) fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        let variables = [
            "INVENTORY_JWKS_URL",
            "INVENTORY_JWKS_FILE",
            "INVENTORY_TOKEN_ISSUER",
            "INVENTORY_TOKEN_AUDIENCE",
        ];
        let command = TokenFlags::with_variables(Self::command(), variables);
        let variables = [
            "INVENTORY_TLS_CERTIFICATE",
            "INVENTORY_TLS_KEY",
            "INVENTORY_TLS_CA",
        ];
        let command = TlsFlags::with_variables(command, variables);
        Self::from_arg_matches(&command.try_get_matches_from(args)?)
    }
}
