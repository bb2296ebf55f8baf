//! Configuration: read once, checked as a whole, every problem listed.

use std::{ffi::OsString, net::SocketAddr, time::Duration};

use clap::Parser;
use service_kit::{
    audit::AuditFlags,
    config::{self, Auth, NoConfig, Problems, Secret},
    consumer::GroupFlags,
    db,
    http::auth::{TokenFlags, Verifier},
    kafka::{KafkaFlags, Security},
    publisher::{Publish, PublishFlags},
    telemetry::LogFormat,
    tls::{Tls, TlsFlags, Trust},
    topics::{TopicFlags, TopicSettings},
};

use crate::limits::Limits;

#[derive(Debug, Parser)]
#[command(
    name = "payment-service",
    version,
    about = "Payments through Toss Payments"
)]
struct Flags {
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:8087")]
    listen: String,
    #[arg(
        long,
        default_value = "mysql://root@127.0.0.1:3306",
        help = "MariaDB (mysql://user:password@host:port); the database is shop_payment where none is named"
    )]
    database_url: String,
    /// Kafka (host:port, separated by commas).
    #[arg(long, default_value = "127.0.0.1:9092")]
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
    #[arg(
        long,
        help = "The gateway: https://api.tosspayments.com, or a toss-sandbox like http://127.0.0.1:8091. \
                There is no default: nobody takes real money, or fails to, by accident"
    )]
    toss_url: Option<String>,
    /// The shop's secret key at the gateway; say it by the environment.
    #[arg(long)]
    toss_secret_key: Option<String>,
    /// inventory-server, whose holds are extended.
    #[arg(long, default_value = "http://127.0.0.1:8083")]
    inventory_url: String,
    /// auth-service, for this service's own token.
    #[arg(long, default_value = "http://127.0.0.1:8089")]
    auth_url: String,
    /// This service's secret at auth-service; say it by the environment. Without it calls carry no
    /// token.
    #[arg(long)]
    client_secret: Option<String>,
    /// How long an answer of the gateway is awaited, in ms.
    #[arg(long, default_value = "5000")]
    gateway_timeout_ms: String,
    /// Failures of the gateway in a row after which it is left alone for a while.
    #[arg(long, default_value = "10")]
    gateway_failures: String,
    /// From an unknown outcome to the first query, in ms; the pauses double up to a minute.
    #[arg(long, default_value = "1000")]
    look_first_ms: String,
    /// A payment that the gateway does not know so long after the attempt has failed, in seconds.
    #[arg(long, default_value = "30")]
    unfound_after_seconds: String,
    /// When such a payment is asked for a last time, in seconds after the attempt.
    #[arg(long, default_value = "2100")]
    last_look_seconds: String,
    /// How often the hold of a payment with an unknown outcome is extended, in seconds.
    #[arg(long, default_value = "60")]
    extend_every_seconds: String,
    /// The first pause after a refund was refused, in ms; the pauses double up to 10 minutes.
    #[arg(long, default_value = "2000")]
    refund_retry_ms: String,
    #[command(flatten)]
    tls: TlsFlags,
    #[command(flatten)]
    tokens: TokenFlags,
    /// json or text
    #[arg(long, default_value = "text")]
    log: String,
    /// A level, or a list of TARGET=LEVEL.
    #[arg(long, default_value = "info")]
    log_level: String,
}

/// What the process was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where `MariaDB` is.
    pub database_url: String,
    /// Where Kafka is.
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
    /// Where the gateway is.
    pub toss_url: String,
    /// The key to it.
    pub toss_secret_key: Secret,
    /// Where inventory-server is.
    pub inventory_url: String,
    /// Where auth-service is.
    pub auth_url: String,
    /// The secret of this service there.
    pub client_secret: Option<Secret>,
    /// What listeners serve, and whom outgoing connections trust.
    pub tls: Tls,
    /// Who verifies tokens.
    pub verifier: Verifier,
    /// How it waits, repeats and gives up.
    pub limits: Limits,
    /// How logs are written.
    pub log: LogFormat,
    /// What is logged.
    pub log_level: String,
}

impl Config {
    /// Reads the command line (the first argument is the program's name) and `PAYMENT_*`.
    ///
    /// # Errors
    /// [`NoConfig`].
    pub fn from_args(
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, NoConfig> {
        let (flags, mut problems) = config::parse::<Flags>("PAYMENT", args)?;
        let http = ["http://", "https://"];
        let tls = flags.tls.tls(&mut problems);
        let kafka_security = flags
            .kafka
            .security(&flags.kafka_brokers, &tls.trust, &mut problems);
        let config = Self {
            listen: problems.listen("listen", &flags.listen, Auth::Required),
            database_url: database(&flags.database_url, &tls.trust, &mut problems),
            kafka_brokers: flags.kafka_brokers.clone(),
            kafka_security,
            topics: flags.topics.settings(&mut problems),
            session: flags.group.session(&mut problems),
            publish: flags.publish.publish(&mut problems),
            admin_audit_retention: flags.audit.retention(&mut problems),
            toss_url: gateway(flags.toss_url.as_deref(), &mut problems),
            toss_secret_key: secret_key(flags.toss_secret_key.as_deref(), &mut problems),
            inventory_url: problems.url("inventory-url", &flags.inventory_url, &http),
            auth_url: problems.url("auth-url", &flags.auth_url, &http),
            client_secret: flags.client_secret.clone().map(Secret::from),
            verifier: flags.tokens.verifier(&tls.trust, &mut problems),
            tls,
            limits: limits(&flags, &mut problems),
            log: problems.log_format("log", &flags.log),
            log_level: problems.log_level("log-level", &flags.log_level),
        };
        problems.finish(config)
    }
}

fn database(url: &str, trust: &Trust, problems: &mut Problems) -> String {
    let url = problems.url("database-url", url, &["mysql://"]);
    let url = db::trusting(&url, trust);
    if url.starts_with("mysql://")
        && let Err(error) = db::options(&url, super::run::DATABASE)
    {
        problems.add("database-url", error);
    }
    url
}

/// Over HTTPS, except on this machine: the secret key goes with every call.
fn gateway(url: Option<&str>, problems: &mut Problems) -> String {
    let Some(url) = url else {
        problems.add(
            "toss-url",
            "must be given, or PAYMENT_TOSS_URL: https://api.tosspayments.com, or that of a toss-sandbox",
        );
        return String::new();
    };
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let local = ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        rest.strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if !local && !url.starts_with("https://") {
        problems.add(
            "toss-url",
            "must start with https://; http:// is for a toss-sandbox on this machine",
        );
    }
    url.to_owned()
}

fn secret_key(key: Option<&str>, problems: &mut Problems) -> Secret {
    let key = key.unwrap_or_default();
    if key.is_empty() {
        problems.add(
            "toss-secret-key",
            "must be given by PAYMENT_TOSS_SECRET_KEY; a toss-sandbox takes any",
        );
    }
    Secret::from(key.to_owned())
}

fn limits(flags: &Flags, problems: &mut Problems) -> Limits {
    const HOUR_MS: u64 = 3_600_000;
    const DAY_SECONDS: u64 = 86_400;
    let limits = Limits {
        gateway_timeout: problems.millis(
            "gateway-timeout-ms",
            &flags.gateway_timeout_ms,
            100..=60_000,
        ),
        gateway_failures: problems.number(
            "gateway-failures",
            &flags.gateway_failures,
            1..=1_000_000,
        ),
        look_first: problems.millis("look-first-ms", &flags.look_first_ms, 10..=60_000),
        unfound_after: problems.seconds(
            "unfound-after-seconds",
            &flags.unfound_after_seconds,
            1..=DAY_SECONDS,
        ),
        last_look: problems.seconds(
            "last-look-seconds",
            &flags.last_look_seconds,
            1..=DAY_SECONDS,
        ),
        extend_every: problems.seconds(
            "extend-every-seconds",
            &flags.extend_every_seconds,
            1..=240,
        ),
        refund_first: problems.millis("refund-retry-ms", &flags.refund_retry_ms, 10..=HOUR_MS),
        ..Limits::default()
    };
    if limits.unfound_after < limits.gateway_timeout {
        problems.add(
            "unfound-after-seconds",
            "must not be shorter than --gateway-timeout-ms: a confirm would still be under way",
        );
    }
    Limits {
        look_longest: limits.look_longest.max(limits.look_first),
        refund_longest: limits.refund_longest.max(limits.refund_first),
        poll: limits
            .poll
            .min(limits.look_first.max(Duration::from_millis(50))),
        ..limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, NoConfig> {
        Config::from_args([&["payment-service"], args].concat())
    }

    fn problems(args: &[&str]) -> Vec<String> {
        match parse(args) {
            Err(NoConfig::Problems(problems)) => problems,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_gateway_must_be_named() {
        let found = problems(&[]);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].contains("PAYMENT_TOSS_URL"), "{found:#?}");
        assert!(found[1].contains("PAYMENT_TOSS_SECRET_KEY"), "{found:#?}");
    }

    #[test]
    fn the_key_leaves_the_machine_only_over_https() {
        let with = |url: &str| parse(&["--toss-secret-key=k", &format!("--toss-url={url}")]);
        for fine in [
            "https://api.tosspayments.com",
            "http://127.0.0.1:8091",
            "http://localhost",
        ] {
            with(fine).expect(fine);
        }
        for bad in [
            "http://api.tosspayments.com",
            "http://127.0.0.1.evil.example",
            "ftp://x",
            "",
        ] {
            with(bad).expect_err(bad);
        }
        let config = with("http://127.0.0.1:8091").expect("fine");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8087");
        assert_eq!(config.limits, Limits::default());
        assert!(!format!("{config:?}").contains("\"k\""), "the key is shown");
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let found = problems(&[
            "--toss-url=https://x",
            "--toss-secret-key=k",
            "--publish=both",
            "--unfound-after-seconds=1",
            "--gateway-timeout-ms=5000",
            "--refund-retry-ms=x",
        ]);
        assert_eq!(found.len(), 3, "{found:#?}");
    }
}
