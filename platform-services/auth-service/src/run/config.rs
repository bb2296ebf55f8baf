use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use access_token::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};
use clap::{Parser, Subcommand};
use service_kit::{
    audit::{self, OperatorFlags},
    config::{self, Auth, NoConfig, Problems},
    consumer::GroupFlags,
    db,
    kafka::{KafkaFlags, Security},
    telemetry::LogFormat,
    tls::{Tls, TlsFlags},
    topics::{TopicFlags, TopicSettings},
};

use crate::{attempts::AttemptLimits, caller::Network, clients::Clients, keys::OldKeys};

/// What the service is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port.
    pub listen: SocketAddr,
    /// `MariaDB`.
    pub database_url: String,
    /// Redis, for attempts.
    pub redis_url: String,
    /// Kafka.
    pub kafka_brokers: String,
    /// How Kafka is talked to.
    pub kafka_security: Security,
    /// How topics are made.
    pub topics: TopicSettings,
    /// How long Kafka waits for a consumer that says nothing.
    pub session: Duration,
    /// Where user-service is.
    pub user_url: String,
    /// The folder of signing keys.
    pub keys_dir: PathBuf,
    /// How long a key is published before it signs.
    pub key_publication: Duration,
    /// Services with secrets.
    pub clients: Clients,
    /// How many failures are too many.
    pub attempts: AttemptLimits,
    /// Who may say where a request comes from.
    pub trusted_proxies: Vec<Network>,
    /// What listeners serve, and whom outgoing connections trust.
    pub tls: Tls,
    /// The `iss` of tokens.
    pub issuer: String,
    /// The `aud` of tokens.
    pub audience: String,
    /// How logs look.
    pub log: LogFormat,
    /// Which logs.
    pub log_level: String,
}

/// What `rotate-keys` is told.
#[derive(Debug, Clone)]
pub struct RotateConfig {
    /// The folder of signing keys.
    pub keys_dir: PathBuf,
    /// How long a key is published before it signs.
    pub publication: Duration,
    /// What becomes of the others.
    pub old: OldKeys,
    /// Who rotates them.
    pub command: audit::Command,
    /// How logs look.
    pub log: LogFormat,
    /// Which logs.
    pub log_level: String,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Command {
    /// Serve.
    Run(Box<Config>),
    /// Make a new signing key and end.
    RotateKeys(RotateConfig),
}

/// Login, refresh tokens, tokens for services, and the keys that verify them.
#[derive(Debug, Parser)]
#[command(name = "auth-service", version)]
struct Flags {
    #[command(subcommand)]
    command: Option<Subcommands>,
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:8089")]
    listen: String,
    /// MariaDB: `mysql://user:password@host[:port][/database]`; created if it is missing.
    #[arg(long, default_value = "mysql://root@127.0.0.1:3306")]
    database_url: String,
    /// Redis, where failed attempts are counted.
    #[arg(long, default_value = "redis://127.0.0.1:6379")]
    redis_url: String,
    /// Kafka: host:port[,host:port…].
    #[arg(long, default_value = "127.0.0.1:9092")]
    kafka_brokers: String,
    #[command(flatten)]
    kafka: KafkaFlags,
    #[command(flatten)]
    topics: TopicFlags,
    #[command(flatten)]
    group: GroupFlags,
    #[command(flatten)]
    tls: TlsFlags,
    /// Where user-service is, which knows the passwords.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    user_url: String,
    /// The folder of the keys that sign tokens; made, with a first key, if it is missing.
    #[arg(long, global = true, value_name = "DIR", default_value = "auth-keys")]
    keys_dir: PathBuf,
    /// How long a new key is published before it signs.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "600")]
    key_publication_seconds: String,
    /// Services and their secrets as JSON, `{"order-service":"…"}`. Give it as `AUTH_CLIENTS`: a
    /// command line can be read by everybody on the machine.
    #[arg(long, value_name = "JSON")]
    clients: Option<String>,
    /// The same in a file instead.
    #[arg(long, value_name = "FILE")]
    clients_file: Option<PathBuf>,
    /// Failed attempts on an account from one address in a window.
    #[arg(long, default_value = "10")]
    attempts_account: String,
    /// Failed attempts on an account from all addresses in a window. From then on its owner is kept
    /// out too: keep it far above the one for an address.
    #[arg(long, default_value = "100")]
    attempts_account_total: String,
    /// Failed attempts from an address in a window.
    #[arg(long, default_value = "100")]
    attempts_address: String,
    /// The window.
    #[arg(long, value_name = "SECONDS", default_value = "900")]
    attempts_window_seconds: String,
    /// Addresses or networks, separated by commas, whose X-Forwarded-For is believed.
    #[arg(long, default_value = "")]
    trusted_proxies: String,
    /// Who issues tokens: their `iss`.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ISSUER)]
    token_issuer: String,
    /// Whom tokens are for: their `aud`.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_AUDIENCE)]
    token_audience: String,
    /// As every service has it; this one publishes nothing.
    #[arg(long, hide = true, default_value = "relay")]
    publish: String,
    /// Logs as text or json.
    #[arg(long, default_value = "text")]
    log: String,
    /// Level or filter of logs.
    #[arg(long, default_value = "info")]
    log_level: String,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Makes a new key, which is published at once and signs later, and removes those whose tokens
    /// have all ended. Running services notice within seconds. The folder must have a key: the service
    /// makes the first.
    RotateKeys {
        /// A key was stolen: remove all others, and with them every token they signed.
        #[arg(long)]
        drop_old: bool,
        #[command(flatten)]
        operator: OperatorFlags,
    },
}

impl Command {
    /// Reads command line and environment.
    ///
    /// # Errors
    /// [`NoConfig`].
    pub fn from_args(
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, NoConfig> {
        let (flags, mut problems) = config::parse::<Flags>("AUTH", args)?;
        let seconds = &flags.key_publication_seconds;
        let publication = problems.seconds("key-publication-seconds", seconds, 0..=86_400);
        let log = problems.log_format("log", &flags.log);
        let log_level = problems.log_level("log-level", &flags.log_level);
        if let Some(Subcommands::RotateKeys { drop_old, operator }) = flags.command {
            let (old, action) = if drop_old {
                (OldKeys::Drop, "auth-service rotate-keys --drop-old")
            } else {
                (OldKeys::Keep, "auth-service rotate-keys")
            };
            let rotate = RotateConfig {
                keys_dir: flags.keys_dir,
                publication,
                old,
                command: operator.command(action, &mut problems),
                log,
                log_level,
            };
            return problems.finish(Self::RotateKeys(rotate));
        }
        let clients = clients(&flags, &mut problems);
        let trusted_proxies = networks(&flags.trusted_proxies, &mut problems);
        let _: &str = problems.word(
            "publish",
            &flags.publish,
            &[("relay", "relay"), ("debezium", "debezium")],
            "relay",
        );
        for (flag, text) in [
            ("token-issuer", &flags.token_issuer),
            ("token-audience", &flags.token_audience),
        ] {
            if text.is_empty() {
                problems.add(flag, "must not be empty");
            }
        }
        let tls = flags.tls.tls(&mut problems);
        let kafka_security = flags
            .kafka
            .security(&flags.kafka_brokers, &tls.trust, &mut problems);
        let redis = ["redis://", "rediss://", "redis+unix://", "unix://"];
        let window = &flags.attempts_window_seconds;
        let config = Config {
            listen: problems.listen("listen", &flags.listen, Auth::Required),
            database_url: db::trusting(
                &problems.url("database-url", &flags.database_url, &["mysql://"]),
                &tls.trust,
            ),
            redis_url: problems.url("redis-url", &flags.redis_url, &redis),
            kafka_brokers: flags.kafka_brokers,
            kafka_security,
            topics: flags.topics.settings(&mut problems),
            session: flags.group.session(&mut problems),
            user_url: problems.url("user-url", &flags.user_url, &["http://", "https://"]),
            keys_dir: flags.keys_dir,
            key_publication: publication,
            clients,
            attempts: AttemptLimits {
                account_max: number(&mut problems, "attempts-account", &flags.attempts_account),
                account_total_max: number(
                    &mut problems,
                    "attempts-account-total",
                    &flags.attempts_account_total,
                ),
                address_max: number(&mut problems, "attempts-address", &flags.attempts_address),
                window: problems.seconds("attempts-window-seconds", window, 1..=86_400),
                ..AttemptLimits::default()
            },
            trusted_proxies,
            tls,
            issuer: flags.token_issuer,
            audience: flags.token_audience,
            log,
            log_level,
        };
        problems.finish(Self::Run(Box::new(config)))
    }
}

fn number(problems: &mut Problems, flag: &str, text: &str) -> u32 {
    problems.number(flag, text, 1..=1_000_000)
}

fn clients(flags: &Flags, problems: &mut Problems) -> Clients {
    let (flag, json) = match (&flags.clients, &flags.clients_file) {
        (Some(_), Some(_)) => {
            problems.add("clients-file", "give this or AUTH_CLIENTS, not both");
            return Clients::default();
        }
        (Some(json), None) => ("clients", json.clone()),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(json) => ("clients-file", json),
            Err(error) => {
                problems.add("clients-file", format_args!("{}: {error}", path.display()));
                return Clients::default();
            }
        },
        (None, None) => return Clients::default(),
    };
    Clients::parse(&json).unwrap_or_else(|reason| {
        problems.add(flag, reason);
        Clients::default()
    })
}

fn networks(text: &str, problems: &mut Problems) -> Vec<Network> {
    let mut networks = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        match Network::parse(part) {
            Ok(network) => networks.push(network),
            Err(reason) => problems.add("trusted-proxies", reason),
        }
    }
    networks
}
