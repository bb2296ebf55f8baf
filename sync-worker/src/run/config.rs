//! Configuration of a run: read once, checked as a whole, every problem listed.

use std::{ffi::OsString, fmt::Display, net::SocketAddr, ops::RangeInclusive, time::Duration};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use inventory_core::limits::{TTL_SECONDS_MAX, TTL_SECONDS_MIN};
use service_kit::{
    consumer::SESSION_SECONDS,
    db,
    http::auth::Verifier,
    kafka::Security,
    tls::{Tls, TlsFlags, TrustFlags},
    topics::TopicSettings,
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::flags::{Command, Flags, Run};
use crate::{
    config::Stores,
    database,
    limits::{COMMAND_REPLAY_SLACK, COMMAND_RETENTION},
    log::Format,
};

/// Longest retention: a leap year.
const RETENTION_SECONDS_MAX: u64 = 366 * 86_400;

/// Where Kafka is when nothing is said.
const KAFKA_BROKERS_DEFAULT: &str = "127.0.0.1:9092";

/// Most partitions of a topic.
const TOPIC_PARTITIONS_MAX: u64 = 1_000;

/// Most copies of a partition.
const TOPIC_REPLICATION_MAX: u64 = 32;

/// What the process was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Redis and MariaDB are.
    pub stores: Stores,
    /// Where to answer about health, metrics and queries.
    pub ops_listen: SocketAddr,
    /// What the ops port serves, and whom outgoing connections trust.
    pub tls: Tls,
    /// Verifies the tokens of those who read the audit log and reservations; `None`: nobody needs one.
    pub tokens: Option<Verifier>,
    /// Where Kafka is, and what is made of it; `None`: there is none.
    pub kafka: Option<KafkaConfig>,
    /// What of the worker runs here.
    pub parts: Parts,
    /// How long stock is held for an order.
    pub order_hold: Duration,
    /// How long closed records stay in Redis.
    pub retention: Duration,
    /// How logs are written.
    pub log: Format,
    /// What is logged, as a `tracing` filter.
    pub log_level: String,
}

/// Kafka.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port[,host:port…]`.
    pub brokers: String,
    /// How they are talked to.
    pub security: Security,
    /// Who publishes the outbox.
    pub publish: Publish,
    /// How long the group waits for a worker that says nothing.
    pub session: Duration,
    /// How topics are made.
    pub topics: TopicSettings,
}

/// Who publishes the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publish {
    /// A relay in this process.
    Relay,
    /// Kafka Connect with Debezium; a janitor in this process removes what was published.
    Debezium {
        /// Where Kafka Connect answers.
        connect_url: String,
    },
}

/// Parts of the worker, which run for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The journal into MariaDB, with the outbox where there is Kafka.
    pub projection: bool,
    /// The outbox into Kafka.
    pub events: bool,
    /// Stock commands from Kafka.
    pub commands: bool,
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoConfig {
    /// The text that `--help` or `--version` asked for.
    Asked(String),
    /// Everything that is wrong.
    Problems(Vec<String>),
}

impl Config {
    /// Reads the command line (the first argument is the program's name) and `SYNC_*`.
    ///
    /// # Errors
    /// [`NoConfig`].
    pub fn from_args<I, T>(args: I) -> Result<Self, NoConfig>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString>,
    {
        let mut args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let mut problems = Vec::new();
        loop {
            let error = match Flags::read(&args) {
                Ok(flags) => {
                    let Command::Run(run) = flags.command;
                    let config = check(run, &mut problems);
                    return match problems.is_empty() {
                        true => Ok(config),
                        false => Err(NoConfig::Problems(problems)),
                    };
                }
                Err(error) if error.use_stderr() => error,
                Err(asked) => return Err(NoConfig::Asked(asked.render().to_string())),
            };
            problems.push(first_paragraph(&error));
            // The rest is looked at without it, so that one mistake does not hide the others.
            let Some(place) = unknown_flag(&error, &args) else {
                return Err(NoConfig::Problems(problems));
            };
            args.remove(place);
        }
    }
}

/// What is wrong, without the usage.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let end = text.find("\n\nUsage").unwrap_or(text.len());
    let text = text.get(..end).unwrap_or(&text);
    text.trim_start_matches("error: ").trim_end().to_owned()
}

/// Where the argument stands that nobody knows.
fn unknown_flag(error: &clap::Error, args: &[OsString]) -> Option<usize> {
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(name))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    args.iter().position(|arg| {
        let arg = arg.to_string_lossy();
        arg == name.as_str() || arg.split_once('=').is_some_and(|(flag, _)| flag == name)
    })
}

/// Checks everything; what is wrong goes to `problems`, and something harmless in its place.
fn check(run: Run, problems: &mut Vec<String>) -> Config {
    let mut add = |flag: &str, problem: &dyn Display| problems.push(format!("--{flag}: {problem}"));

    if !["redis://", "rediss://", "redis+unix://", "unix://"]
        .iter()
        .any(|scheme| run.stores.redis_url.starts_with(scheme))
    {
        add(
            "redis-url",
            &"must start with redis://, rediss:// or redis+unix://",
        );
    }
    if !run.stores.database_url.starts_with("mysql://") {
        add("database-url", &"must start with mysql://");
    } else if let Err(error) = database::options(&run.stores.database_url) {
        add("database-url", &error);
    }
    let no_kafka = match run.no_kafka.as_str() {
        "true" => true,
        "false" => false,
        other => {
            add("no-kafka", &format_args!("{other:?} must be true or false"));
            false
        }
    };
    if no_kafka && run.kafka_brokers.is_some() {
        add(
            "kafka-brokers",
            &"is given together with --no-kafka; leave one of them out",
        );
    }
    let brokers = run
        .kafka_brokers
        .unwrap_or_else(|| KAFKA_BROKERS_DEFAULT.to_owned());
    for broker in brokers.split(',').filter(|broker| !is_broker(broker)) {
        add(
            "kafka-brokers",
            &format_args!("{broker:?} must be a host and a port, like 127.0.0.1:9092"),
        );
    }
    let parts = parts(run.only.as_deref(), no_kafka, &mut add);
    let publish = match run.publish.as_str() {
        "relay" => Publish::Relay,
        "debezium" => Publish::Debezium {
            connect_url: run.connect_url.clone(),
        },
        other => {
            add(
                "publish",
                &format_args!("{other:?} must be one of relay, debezium"),
            );
            Publish::Relay
        }
    };
    let http = ["http://", "https://"];
    if !http
        .iter()
        .any(|scheme| run.connect_url.starts_with(scheme))
    {
        add("connect-url", &"must start with http:// or https://");
    }
    let mut number = |flag, text: &str, range: RangeInclusive<u64>| {
        let found = text.parse().ok().filter(|number| range.contains(number));
        found.unwrap_or_else(|| {
            let (first, last) = (range.start(), range.end());
            let problem = format!("{text:?} must be a number from {first} to {last}");
            add(flag, &problem);
            *first
        })
    };
    let retention = number(
        "retention-seconds",
        &run.retention_seconds,
        1..=RETENTION_SECONDS_MAX,
    );
    let partitions = number(
        "topic-partitions",
        &run.topic_partitions,
        1..=TOPIC_PARTITIONS_MAX,
    );
    let replication = number(
        "topic-replication",
        &run.topic_replication,
        1..=TOPIC_REPLICATION_MAX,
    );
    let session = number(
        "kafka-session-seconds",
        &run.kafka_session_seconds,
        SESSION_SECONDS,
    );
    let order_hold = number(
        "order-hold-seconds",
        &run.order_hold_seconds,
        u64::from(TTL_SECONDS_MIN)..=u64::from(TTL_SECONDS_MAX),
    );
    let topic_retention = topic_retention(&run.topic_retention_seconds).unwrap_or_else(|problem| {
        add("topic-retention-seconds", &problem);
        1
    });
    let topics = TopicSettings {
        partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
        replication: i32::try_from(replication).unwrap_or(i32::MAX),
        retention: Duration::from_secs(topic_retention),
        ..TopicSettings::default()
    };
    let wants_tokens = match run.auth.as_str() {
        "jwt" => true,
        "none" => false,
        other => {
            add("auth", &format_args!("{other:?} must be one of none, jwt"));
            false
        }
    };
    let ops_listen = listen(&run.ops_listen, wants_tokens).unwrap_or_else(|problem| {
        add("ops-listen", &problem);
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let log = match run.log.as_str() {
        "json" => Format::Json,
        "text" => Format::Text,
        other => {
            add("log", &format_args!("{other:?} must be one of json, text"));
            Format::Text
        }
    };
    if let Err(reason) = log_filter(&run.log_level) {
        let problem = format!("{:?} is no level or filter: {reason}", run.log_level);
        add("log-level", &problem);
    }
    let tls = TlsFlags {
        tls_certificate: run.tls_certificate,
        tls_key: run.tls_key,
        trust: TrustFlags {
            tls_ca: run.stores.tls_ca.clone(),
        },
    };
    let tls = tls.tls(&mut add);
    let security = run.kafka.security(&brokers, &tls.trust, &mut add);
    let mut stores = run.stores;
    stores.database_url = db::trusting(&stores.database_url, &tls.trust);
    let tokens = wants_tokens.then(|| run.tokens.verifier(&tls.trust, &mut add));
    Config {
        stores,
        ops_listen,
        tls,
        tokens,
        kafka: (!no_kafka).then_some(KafkaConfig {
            brokers,
            security,
            publish,
            session: Duration::from_secs(session),
            topics,
        }),
        parts,
        order_hold: Duration::from_secs(order_hold),
        retention: Duration::from_secs(retention),
        log,
        log_level: run.log_level,
    }
}

/// What runs here: all that can, where nothing is said.
fn parts(only: Option<&str>, no_kafka: bool, add: &mut impl FnMut(&str, &dyn Display)) -> Parts {
    let Some(only) = only else {
        return Parts {
            projection: true,
            events: !no_kafka,
            commands: !no_kafka,
        };
    };
    let mut parts = Parts {
        projection: false,
        events: false,
        commands: false,
    };
    for part in only.split(',') {
        match part {
            "projection" => parts.projection = true,
            "events" | "commands" if no_kafka => add(
                "only",
                &format_args!("{part} needs Kafka, and --no-kafka is given"),
            ),
            "events" => parts.events = true,
            "commands" => parts.commands = true,
            other => add(
                "only",
                &format_args!("{other:?} must be one of projection, events, commands"),
            ),
        }
    }
    parts
}

/// Longest that topics may keep events. A command comes again from its topic, or at last from the dead
/// letters, which it may have joined when its topic was about to drop it; until then, and a week for
/// whoever replays it, its outcome must be known.
const fn topic_retention_max(dlq: Duration) -> Duration {
    COMMAND_RETENTION
        .saturating_sub(dlq)
        .saturating_sub(COMMAND_REPLAY_SLACK)
}

fn topic_retention(text: &str) -> Result<u64, String> {
    let dlq = TopicSettings::default().dlq_retention;
    let max = topic_retention_max(dlq).as_secs();
    let found = text.parse().ok().filter(|found| (1..=max).contains(found));
    found.ok_or_else(|| {
        let days = |duration: Duration| duration.as_secs() / 86_400;
        format!(
            "{text:?} must be a number from 1 to {max}: outcomes of commands are kept {} d, and must \
             outlive the topic, its dead letters ({} d) and {} d to replay them",
            days(COMMAND_RETENTION),
            days(dlq),
            days(COMMAND_REPLAY_SLACK),
        )
    })
}

fn is_broker(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}

fn listen(text: &str, wants_tokens: bool) -> Result<SocketAddr, String> {
    let address = text.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = address
        .parse()
        .map_err(|_| format!("{text:?} must be an address and a port, like 127.0.0.1:8090"))?;
    if !address.ip().is_loopback() && !wants_tokens {
        return Err(format!(
            "{address} is not loopback; with --auth none anybody who reaches it could read the audit \
             log and reservations; say --auth jwt"
        ));
    }
    Ok(address)
}

/// Stricter than [`EnvFilter`], to which a misspelled level is a target with all its events.
fn log_filter(text: &str) -> Result<(), String> {
    for part in text.split(',') {
        let is_level = !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        if !is_level && !part.contains('=') {
            return Err(format!("{part:?} is neither a level nor TARGET=LEVEL"));
        }
    }
    EnvFilter::try_new(text)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, NoConfig> {
        Config::from_args([&["sync-worker", "run"], args].concat())
    }

    fn problems(args: &[&str]) -> Vec<String> {
        match parse(args) {
            Err(NoConfig::Problems(problems)) => problems,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let config = parse(&[]).expect("defaults are fine");
        assert_eq!(config.ops_listen.to_string(), "127.0.0.1:8090");
        assert_eq!(config.stores.redis_url, "redis://127.0.0.1:6379");
        assert_eq!(config.retention.as_secs(), 86_400);
        assert_eq!(config.order_hold.as_secs(), 900);
        let kafka = config.kafka.expect("there is one");
        assert_eq!(kafka.brokers, "127.0.0.1:9092");
        assert_eq!(kafka.publish, Publish::Relay);
        assert_eq!(kafka.session.as_secs(), 10);
        assert_eq!((kafka.topics.partitions, kafka.topics.replication), (6, 1));
        assert_eq!(kafka.topics.retention.as_secs(), 7 * 86_400);
    }

    #[test]
    fn every_part_runs_but_for_what_needs_kafka() {
        let [all, quiet, some, two] = [
            vec![],
            vec!["--no-kafka"],
            vec!["--only", "projection", "--no-kafka=true"],
            vec!["--only", "events,commands", "--kafka-brokers=a:1,b:2"],
        ]
        .map(|args| parse(&args).expect("fine"));
        let parts = |projection, events, commands| Parts {
            projection,
            events,
            commands,
        };
        assert_eq!(all.parts, parts(true, true, true));
        assert_eq!(quiet.parts, parts(true, false, false));
        assert!(quiet.kafka.is_none());
        assert_eq!(some.parts, parts(true, false, false));
        assert_eq!(two.parts, parts(false, true, true));
        assert_eq!(two.kafka.expect("given").brokers, "a:1,b:2");
        let projection = parse(&["--only=projection"]).expect("fine");
        assert_eq!(projection.parts, parts(true, false, false));
        assert!(projection.kafka.is_some(), "its events are written");
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let args = [
            "--bogus",
            "--redis-url=http://x",
            "--database-url=postgres://x",
            "--kafka-brokers=h",
            "--no-kafka=perhaps",
            "--ops-listen=0.0.0.0:1",
            "--only=everything",
            "--publish=carrier-pigeon",
            "--connect-url=connect:8093",
            "--kafka-session-seconds=1801",
            "--topic-partitions=0",
            "--topic-replication=x",
            "--topic-retention-seconds=4579201",
            "--order-hold-seconds=86401",
            "--retention-seconds=0",
            "--log=xml",
            "--log-level=inof",
        ];
        let found = problems(&args);
        assert_eq!(found.len(), args.len(), "{found:#?}");
        for arg in args {
            let flag = arg.split('=').next().expect("a flag");
            assert!(found.iter().any(|p| p.contains(flag)), "{flag}: {found:#?}");
        }
    }

    #[test]
    fn a_command_cannot_come_again_after_its_outcome_is_forgotten() {
        let config = parse(&["--topic-retention-seconds=4579200"]).expect("53 days are fine");
        let topics = config.kafka.expect("there is one").topics;
        let longest = topics.retention + topics.dlq_retention + COMMAND_REPLAY_SLACK;
        assert_eq!(longest, COMMAND_RETENTION);
        for (seconds, word) in [("4579201", "dead letters (30 d)"), ("x", "1 to 4579200")] {
            let found = problems(&[&format!("--topic-retention-seconds={seconds}")]);
            assert!(found[0].contains(word), "{found:?}");
        }
    }

    #[test]
    fn debezium_is_asked_through_connect() {
        let config = parse(&["--publish=debezium"]).expect("fine");
        let publish = config.kafka.expect("there is one").publish;
        let connect_url = "http://127.0.0.1:8093".to_owned();
        assert_eq!(publish, Publish::Debezium { connect_url });
    }

    #[test]
    fn with_and_without_kafka_is_a_contradiction() {
        let found = problems(&["--kafka-brokers=h:9092", "--no-kafka"]);
        assert_eq!(found.len(), 1, "{found:?}");
        for flag in ["--kafka-brokers", "--no-kafka"] {
            assert!(found[0].contains(flag), "{found:?}");
        }
        for only in ["events", "commands"] {
            let found = problems(&["--no-kafka=true", "--only", only]);
            assert!(found[0].contains("--no-kafka") && found[0].contains("--only"));
        }
    }

    #[test]
    fn an_empty_value_is_a_problem_and_no_default() {
        for flag in [
            "redis-url",
            "ops-listen",
            "only",
            "kafka-brokers",
            "publish",
            "kafka-session-seconds",
            "topic-partitions",
            "order-hold-seconds",
            "retention-seconds",
            "log-level",
        ] {
            let found = problems(&[&format!("--{flag}=")]);
            assert_eq!(found.len(), 1, "{flag}: {found:?}");
            assert!(found[0].starts_with(&format!("--{flag}: ")), "{found:?}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let found = problems(&["--database-url=mysql://u:secret@h:port/db"]);
        assert!(!found[0].contains("secret"), "{found:?}");
    }
}
