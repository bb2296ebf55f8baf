//! Configuration of a run: read once, checked as a whole, every problem listed.

use std::{ffi::OsString, fmt::Display, net::SocketAddr, time::Duration};

use clap::{
    Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::flags::{Command, Flags, Run};
use crate::{config::Stores, database, log::Format};

/// Longest retention: a leap year.
const RETENTION_SECONDS_MAX: u64 = 366 * 86_400;

/// What the process was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Redis and MariaDB are.
    pub stores: Stores,
    /// Where to answer about health, metrics and queries.
    pub ops_listen: SocketAddr,
    /// Whether it was said that no events are wanted.
    pub no_kafka: bool,
    /// How long closed records stay in Redis.
    pub retention: Duration,
    /// How logs are written.
    pub log: Format,
    /// What is logged, as a `tracing` filter.
    pub log_level: String,
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
            let error = match Flags::try_parse_from(&args) {
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

    if !["redis://", "redis+unix://", "unix://"]
        .iter()
        .any(|scheme| run.stores.redis_url.starts_with(scheme))
    {
        add("redis-url", &"must start with redis:// or redis+unix://");
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
    if run.kafka_brokers.is_some() {
        add(
            "kafka-brokers",
            &"this version sends no events to Kafka; leave it out and say --no-kafka",
        );
    }
    for part in run.only.iter().flat_map(|only| only.split(',')) {
        match part {
            "projection" => {}
            "events" | "commands" => add(
                "only",
                &format_args!("{part} is not built in this version; say --only projection"),
            ),
            other => add(
                "only",
                &format_args!("{other:?} must be one of projection, events, commands"),
            ),
        }
    }
    let ops_listen = listen(&run.ops_listen).unwrap_or_else(|problem| {
        add("ops-listen", &problem);
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let retention = match run.retention_seconds.parse() {
        Ok(seconds @ 1..=RETENTION_SECONDS_MAX) => seconds,
        Ok(_) | Err(_) => {
            let text = &run.retention_seconds;
            let problem = format!("{text:?} must be a number from 1 to {RETENTION_SECONDS_MAX}");
            add("retention-seconds", &problem);
            1
        }
    };
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
    Config {
        stores: run.stores,
        ops_listen,
        no_kafka,
        retention: Duration::from_secs(retention),
        log,
        log_level: run.log_level,
    }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let address = text.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = address
        .parse()
        .map_err(|_| format!("{text:?} must be an address and a port, like 127.0.0.1:8090"))?;
    if !address.ip().is_loopback() {
        return Err(format!(
            "{address} is not loopback; it answers without a token, so anybody who reaches it could \
             read the audit log and reservations"
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
        assert!(!config.no_kafka);
        assert!(parse(&["--no-kafka"]).expect("a bare flag").no_kafka);
        parse(&["--only", "projection", "--no-kafka=true"]).expect("fine");
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let args = [
            "--bogus",
            "--redis-url=http://x",
            "--database-url=postgres://x",
            "--kafka-brokers=h:1",
            "--no-kafka=perhaps",
            "--ops-listen=0.0.0.0:1",
            "--only=events",
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
    fn what_is_not_built_names_what_to_say_instead() {
        assert!(problems(&["--kafka-brokers=h:9092"])[0].contains("say --no-kafka"));
        for only in ["events", "commands", "projection,events"] {
            let found = problems(&["--only", only]);
            assert!(found[0].contains("say --only projection"), "{found:?}");
        }
        assert!(problems(&["--only=projections"])[0].contains("must be one of"));
    }

    #[test]
    fn an_empty_value_is_a_problem_and_no_default() {
        for flag in [
            "redis-url",
            "ops-listen",
            "only",
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
