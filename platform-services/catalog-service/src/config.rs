//! Flags and `CATALOG_<FLAG>`.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use service_kit::{
    audit::AuditFlags,
    config::{self, Auth, NoConfig},
    consumer::GroupFlags,
    db,
    http::auth::{TokenFlags, Verifier},
    kafka::{KafkaFlags, Security},
    publisher::{Publish, PublishFlags},
    telemetry::LogFormat,
    tls::{Tls, TlsFlags},
    topics::{TopicFlags, TopicSettings},
};

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// `mysql://…`
    pub database_url: String,
    /// Connections to it: half for requests, half for events.
    pub database_connections: u32,
    /// `host:port[,host:port…]`
    pub kafka_brokers: String,
    /// How Kafka is talked to.
    pub kafka_security: Security,
    /// inventory-server.
    pub inventory_url: String,
    /// How long it is waited for.
    pub inventory_timeout: Duration,
    /// How topics are made.
    pub topics: TopicSettings,
    /// How long Kafka waits for a consumer that says nothing.
    pub session: Duration,
    /// How the outbox gets to Kafka.
    pub publish: Publish,
    /// How long rows of `admin_audit` stay.
    pub admin_audit_retention: Duration,
    /// What listeners serve, and whom outgoing connections trust.
    pub tls: Tls,
    /// Who verifies tokens.
    pub verifier: Verifier,
    /// How logs look.
    pub log: LogFormat,
    /// Which there are.
    pub log_level: String,
}

#[derive(Debug, Parser)]
#[command(
    name = "catalog-service",
    version,
    about = "Products, options and SKUs, categories, brands, search"
)]
struct Flags {
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:8084")]
    listen: String,
    /// MariaDB; the database is `shop_catalog` where the URL names none, and made if missing.
    #[arg(long, default_value = "mysql://root@127.0.0.1:3306")]
    database_url: String,
    /// Connections to MariaDB: half for requests, half for events.
    #[arg(long, default_value = "32")]
    database_connections: String,
    /// Kafka: host:port[,host:port…].
    #[arg(long, default_value = "127.0.0.1:9092")]
    kafka_brokers: String,
    #[command(flatten)]
    kafka: KafkaFlags,
    /// inventory-server, for availability.
    #[arg(long, default_value = "http://127.0.0.1:8083")]
    inventory_url: String,
    /// How long inventory-server may take, in ms; then availability is null.
    #[arg(long, default_value = "300")]
    inventory_timeout_ms: String,
    #[command(flatten)]
    topics: TopicFlags,
    #[command(flatten)]
    group: GroupFlags,
    #[command(flatten)]
    publish: PublishFlags,
    #[command(flatten)]
    audit: AuditFlags,
    #[command(flatten)]
    tls: TlsFlags,
    #[command(flatten)]
    token: TokenFlags,
    /// Logs as text or json.
    #[arg(long, default_value = "text")]
    log: String,
    /// Level or filter of logs.
    #[arg(long, default_value = "info")]
    log_level: String,
}

impl Config {
    /// Reads arguments, the program's name first, and the environment.
    ///
    /// # Errors
    /// [`NoConfig`] with the help, or with everything that is wrong.
    pub fn from_args(
        args: impl IntoIterator<Item = impl Into<std::ffi::OsString>>,
    ) -> Result<Self, NoConfig> {
        let (flags, mut problems) = config::parse::<Flags>("CATALOG", args)?;
        if flags.kafka_brokers.trim().is_empty() {
            problems.add("kafka-brokers", "must be host:port[,host:port…]");
        }
        let tls = flags.tls.tls(&mut problems);
        let kafka_security = flags
            .kafka
            .security(&flags.kafka_brokers, &tls.trust, &mut problems);
        let config = Self {
            listen: problems.listen("listen", &flags.listen, Auth::Required),
            database_url: db::trusting(
                &problems.url("database-url", &flags.database_url, &["mysql://"]),
                &tls.trust,
            ),
            database_connections: problems.number(
                "database-connections",
                &flags.database_connections,
                8..=1000,
            ),
            inventory_url: problems.url(
                "inventory-url",
                &flags.inventory_url,
                &["http://", "https://"],
            ),
            inventory_timeout: problems.millis(
                "inventory-timeout-ms",
                &flags.inventory_timeout_ms,
                10..=5_000,
            ),
            topics: flags.topics.settings(&mut problems),
            session: flags.group.session(&mut problems),
            publish: flags.publish.publish(&mut problems),
            admin_audit_retention: flags.audit.retention(&mut problems),
            verifier: flags.token.verifier(&tls.trust, &mut problems),
            tls,
            log: problems.log_format("log", &flags.log),
            log_level: problems.log_level("log-level", &flags.log_level),
            kafka_brokers: flags.kafka_brokers,
            kafka_security,
        };
        problems.finish(config)
    }
}
