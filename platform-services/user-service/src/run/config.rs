use std::{ffi::OsString, net::SocketAddr, time::Duration};

use clap::{Parser, Subcommand};
use service_kit::{
    audit::{self, AuditFlags, OperatorFlags},
    config::{self, Auth, NoConfig, Problems, Secret},
    db,
    http::auth::{TokenFlags, Verifier},
    kafka::{KafkaFlags, Security},
    publisher::{Publish, PublishFlags},
    telemetry::LogFormat,
    tls::{Tls, TlsFlags},
    topics::{TopicFlags, TopicSettings},
};

use crate::{domain, password::HashSettings};

/// What the service is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port.
    pub listen: SocketAddr,
    /// `MariaDB`.
    pub database_url: String,
    /// Kafka.
    pub kafka_brokers: String,
    /// How Kafka is talked to.
    pub kafka_security: Security,
    /// How topics are made.
    pub topics: TopicSettings,
    /// Who carries the events.
    pub publish: Publish,
    /// How long rows of `admin_audit` stay.
    pub admin_audit_retention: Duration,
    /// What listeners serve, and whom outgoing connections trust.
    pub tls: Tls,
    /// Who verifies tokens.
    pub verifier: Verifier,
    /// What a hash costs.
    pub hash: HashSettings,
    /// How logs look.
    pub log: LogFormat,
    /// Which logs.
    pub log_level: String,
}

/// What `create-admin` is told.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// As [`crate::domain::email`] makes it.
    pub email: String,
    /// Their name.
    pub name: String,
    /// From the environment; else it is read from standard input.
    pub password: Option<Secret>,
    /// `MariaDB`.
    pub database_url: String,
    /// What a hash costs.
    pub hash: HashSettings,
    /// Who creates it.
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
    /// Create an admin and end.
    CreateAdmin(Box<AdminConfig>),
}

/// Accounts, credentials and addresses.
#[derive(Debug, Parser)]
#[command(name = "user-service", version)]
struct Flags {
    #[command(subcommand)]
    command: Option<Subcommands>,
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: String,
    /// MariaDB: `mysql://user:password@host[:port][/database]`; created if it is missing.
    #[arg(long, global = true, default_value = "mysql://root@127.0.0.1:3306")]
    database_url: String,
    /// Kafka: host:port[,host:port…].
    #[arg(long, default_value = "127.0.0.1:9092")]
    kafka_brokers: String,
    #[command(flatten)]
    kafka: KafkaFlags,
    #[command(flatten)]
    topics: TopicFlags,
    #[command(flatten)]
    publish: PublishFlags,
    #[command(flatten)]
    audit: AuditFlags,
    #[command(flatten)]
    tls: TlsFlags,
    #[command(flatten)]
    token: TokenFlags,
    /// Memory of one password hash, in KiB.
    #[arg(long, global = true, default_value = "19456")]
    hash_memory_kib: String,
    /// Passes of a password hash over its memory.
    #[arg(long, global = true, default_value = "2")]
    hash_passes: String,
    /// Password hashes made at once; each takes a core.
    #[arg(long, default_value = "2")]
    hash_parallel: String,
    /// Password hashes that wait; more are refused with 503.
    #[arg(long, default_value = "64")]
    hash_queue: String,
    /// Of the password hashes made at once, those of registrations; at most --hash-parallel.
    #[arg(long, default_value = "1")]
    hash_register_parallel: String,
    /// Registrations that wait, in a queue of their own; more are refused with 503.
    #[arg(long, default_value = "64")]
    hash_register_queue: String,
    /// Logs as text or json.
    #[arg(long, default_value = "text")]
    log: String,
    /// Level or filter of logs.
    #[arg(long, default_value = "info")]
    log_level: String,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Creates an admin. The password is read from `USER_ADMIN_PASSWORD`, else from the first line of
    /// standard input.
    CreateAdmin {
        /// Their mail address.
        #[arg(long)]
        email: String,
        /// Their name.
        #[arg(long, default_value = "Admin")]
        name: String,
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
        let (flags, mut problems) = config::parse::<Flags>("USER", args)?;
        let hash = HashSettings {
            memory_kib: problems.number("hash-memory-kib", &flags.hash_memory_kib, 8..=1 << 20),
            passes: problems.number("hash-passes", &flags.hash_passes, 1..=64),
            parallel_max: problems.number("hash-parallel", &flags.hash_parallel, 1..=256),
            queue_max: problems.number("hash-queue", &flags.hash_queue, 0..=10_000),
            register_parallel_max: problems.number(
                "hash-register-parallel",
                &flags.hash_register_parallel,
                1..=256,
            ),
            register_queue_max: problems.number(
                "hash-register-queue",
                &flags.hash_register_queue,
                0..=10_000,
            ),
        };
        if hash.register_parallel_max > hash.parallel_max {
            problems.add(
                "hash-register-parallel",
                "must not be above --hash-parallel",
            );
        }
        let database_url = problems.url("database-url", &flags.database_url, &["mysql://"]);
        let log = problems.log_format("log", &flags.log);
        let log_level = problems.log_level("log-level", &flags.log_level);
        if let Some(Subcommands::CreateAdmin {
            email,
            name,
            operator,
        }) = &flags.command
        {
            let trust = flags.tls.trust.trust(&mut problems);
            let admin = AdminConfig {
                email: checked(&mut problems, "email", domain::email(email)),
                name: checked(&mut problems, "name", domain::name(name)),
                password: admin_password(),
                database_url: db::trusting(&database_url, &trust),
                hash,
                command: operator.command("user-service create-admin", &mut problems),
                log,
                log_level,
            };
            return problems.finish(Self::CreateAdmin(Box::new(admin)));
        }
        let tls = flags.tls.tls(&mut problems);
        let kafka_security = flags
            .kafka
            .security(&flags.kafka_brokers, &tls.trust, &mut problems);
        let config = Config {
            listen: problems.listen("listen", &flags.listen, Auth::Required),
            database_url: db::trusting(&database_url, &tls.trust),
            kafka_brokers: flags.kafka_brokers,
            kafka_security,
            topics: flags.topics.settings(&mut problems),
            publish: flags.publish.publish(&mut problems),
            admin_audit_retention: flags.audit.retention(&mut problems),
            verifier: flags.token.verifier(&tls.trust, &mut problems),
            tls,
            hash,
            log,
            log_level,
        };
        problems.finish(Self::Run(Box::new(config)))
    }
}

fn checked(problems: &mut Problems, flag: &str, read: Result<String, String>) -> String {
    read.unwrap_or_else(|reason| {
        problems.add(flag, reason);
        String::new()
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the configuration")]
fn admin_password() -> Option<Secret> {
    // No flag: a command line can be read by everybody on the machine.
    std::env::var("USER_ADMIN_PASSWORD").ok().map(Secret::from)
}
