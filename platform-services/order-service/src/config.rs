//! Flags and `ORDER_<FLAG>`.

use std::{ffi::OsString, net::SocketAddr, time::Duration};

use clap::Parser;
use service_kit::{
    audit::AuditFlags,
    client::ClientSettings,
    config::{self, Auth, NoConfig, Secret},
    consumer::GroupFlags,
    db,
    http::auth::{TokenFlags, Verifier},
    kafka::{KafkaFlags, Security},
    publisher::{Publish, PublishFlags},
    telemetry::LogFormat,
    tls::{Tls, TlsFlags},
    topics::{TopicFlags, TopicSettings},
};

use crate::saga::Deadlines;

/// The longest deadline of a step, in ms: 30 days.
const DEADLINE_MS_MAX: i64 = 30 * 86_400_000;

/// Orders, carts, and the order side of the saga.
#[derive(Debug, Parser)]
#[command(name = "order-service", version)]
struct Flags {
    /// Address and port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8085")]
    listen: String,
    /// MariaDB; the database is created if it is missing.
    #[arg(
        long,
        value_name = "URL",
        default_value = "mysql://root@127.0.0.1:3306"
    )]
    database_url: String,
    /// Connections to MariaDB, half of them for requests and half for events.
    #[arg(long, value_name = "N", default_value = "32")]
    database_connections: String,
    /// Kafka, as host:port[,host:port…].
    #[arg(long, value_name = "BROKERS", default_value = "127.0.0.1:9092")]
    kafka_brokers: String,
    #[command(flatten)]
    kafka: KafkaFlags,
    #[command(flatten)]
    topics: TopicFlags,
    #[command(flatten)]
    group: GroupFlags,
    #[command(flatten)]
    publish: PublishFlags,
    #[command(flatten)]
    audit: AuditFlags,
    /// The consumer group; replicas share one.
    #[arg(long, value_name = "NAME", default_value = "order-service")]
    consumer_group: String,
    /// catalog-service.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8084")]
    catalog_url: String,
    /// user-service.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    user_url: String,
    /// inventory-server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8083")]
    inventory_url: String,
    /// auth-service, for this service's own token.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8089")]
    auth_url: String,
    /// Who this service is to auth-service.
    #[arg(long, value_name = "NAME", default_value = "order-service")]
    client_id: String,
    /// Its secret; better given as `ORDER_CLIENT_SECRET`. Without one, calls go without a token.
    #[arg(long, value_name = "SECRET")]
    client_secret: Option<Secret>,
    #[command(flatten)]
    tls: TlsFlags,
    #[command(flatten)]
    tokens: TokenFlags,
    /// How often the watchdog looks for orders past their deadline, in ms.
    #[arg(long, value_name = "MS", default_value = "5000")]
    watchdog_period_ms: String,
    /// How long an order may be PLACED before the watchdog asks again for its hold, in ms.
    #[arg(long, value_name = "MS", default_value = "30000")]
    placed_deadline_ms: String,
    /// How long it may be RESERVED without a payment to make, in ms.
    #[arg(long, value_name = "MS", default_value = "30000")]
    reserved_deadline_ms: String,
    /// How long it may be `PAYMENT_PENDING` before the watchdog asks for its hold, in ms.
    #[arg(long, value_name = "MS", default_value = "3000000")]
    payment_deadline_ms: String,
    /// How long it may be PAID before the watchdog asks again to sell its units, in ms.
    #[arg(long, value_name = "MS", default_value = "30000")]
    paid_deadline_ms: String,
    /// How long a refund may take before the watchdog asks for it again, in ms.
    #[arg(long, value_name = "MS", default_value = "600000")]
    refund_deadline_ms: String,
    /// An order that is not paid so long after it was placed is cancelled, in ms.
    #[arg(long, value_name = "MS", default_value = "3600000")]
    unpaid_max_ms: String,
    /// Log lines for people (text) or machines (json).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: String,
    /// A level, or target=level,….
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log_level: String,
}

/// Where the neighbours are.
#[derive(Debug, Clone)]
pub struct NeighbourUrls {
    /// catalog-service.
    pub catalog: String,
    /// user-service.
    pub user: String,
    /// inventory-server.
    pub inventory: String,
    /// auth-service.
    pub auth: String,
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// MariaDB.
    pub database_url: String,
    /// Connections at most.
    pub database_connections: u32,
    /// Kafka.
    pub kafka_brokers: String,
    /// How Kafka is talked to.
    pub kafka_security: Security,
    /// How topics are made.
    pub topics: TopicSettings,
    /// How long Kafka waits for a consumer that says nothing.
    pub session: Duration,
    /// Who publishes.
    pub publish: Publish,
    /// How long rows of `admin_audit` stay.
    pub admin_audit_retention: Duration,
    /// The consumer group.
    pub consumer_group: String,
    /// Where the neighbours are.
    pub neighbours: NeighbourUrls,
    /// How each of them is called.
    pub calls: ClientSettings,
    /// Who this service is.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// What listeners serve, and whom outgoing connections trust.
    pub tls: Tls,
    /// Who verifies tokens.
    pub verifier: Verifier,
    /// How often the watchdog looks.
    pub watchdog_period: Duration,
    /// When it acts.
    pub deadlines: Deadlines,
    /// How logs are written.
    pub log: LogFormat,
    /// What is logged.
    pub log_level: String,
}

impl Config {
    /// Of the command line, the program's name first, and the environment.
    ///
    /// # Errors
    /// [`NoConfig`] with every problem.
    pub fn from_args(
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, NoConfig> {
        let (flags, mut problems) = config::parse::<Flags>("ORDER", args)?;
        let http = &["http://", "https://"];
        let mut deadline =
            |flag: &str, text: &str| problems.number(flag, text, 1..=DEADLINE_MS_MAX);
        let deadlines = Deadlines {
            placed_ms: deadline("placed-deadline-ms", &flags.placed_deadline_ms),
            reserved_ms: deadline("reserved-deadline-ms", &flags.reserved_deadline_ms),
            payment_pending_ms: deadline("payment-deadline-ms", &flags.payment_deadline_ms),
            paid_ms: deadline("paid-deadline-ms", &flags.paid_deadline_ms),
            refund_ms: deadline("refund-deadline-ms", &flags.refund_deadline_ms),
            unpaid_max_ms: deadline("unpaid-max-ms", &flags.unpaid_max_ms),
        };
        for (flag, text) in [
            ("kafka-brokers", &flags.kafka_brokers),
            ("consumer-group", &flags.consumer_group),
        ] {
            if text.is_empty() {
                problems.add(flag, "must not be empty");
            }
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
            kafka_brokers: flags.kafka_brokers,
            kafka_security,
            topics: flags.topics.settings(&mut problems),
            session: flags.group.session(&mut problems),
            publish: flags.publish.publish(&mut problems),
            admin_audit_retention: flags.audit.retention(&mut problems),
            consumer_group: flags.consumer_group,
            neighbours: NeighbourUrls {
                catalog: problems.url("catalog-url", &flags.catalog_url, http),
                user: problems.url("user-url", &flags.user_url, http),
                inventory: problems.url("inventory-url", &flags.inventory_url, http),
                auth: problems.url("auth-url", &flags.auth_url, http),
            },
            calls: ClientSettings::new("neighbour"),
            client_id: flags.client_id,
            client_secret: flags.client_secret,
            verifier: flags.tokens.verifier(&tls.trust, &mut problems),
            tls,
            watchdog_period: problems.millis(
                "watchdog-period-ms",
                &flags.watchdog_period_ms,
                10..=3_600_000,
            ),
            deadlines,
            log: problems.log_format("log", &flags.log),
            log_level: problems.log_level("log-level", &flags.log_level),
        };
        problems.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_listed() {
        let args = [
            "order-service",
            "--listen",
            "8085",
            "--paid-deadline-ms",
            "0",
            "--publish",
            "post",
            "--catalog-url",
            "catalog",
        ];
        let Err(NoConfig::Problems(problems)) = Config::from_args(args) else {
            panic!("problems");
        };
        for (problem, flag) in
            problems
                .iter()
                .zip(["paid-deadline-ms", "listen", "publish", "catalog-url"])
        {
            assert!(problem.starts_with(&format!("--{flag}")), "{problem}");
        }
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let config = Config::from_args(["order-service"]).expect("no flag is needed");
        let (ours, theirs) = (config.deadlines, Deadlines::default());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
