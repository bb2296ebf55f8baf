use std::{
    fmt::Display, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration,
};

use inventory_core::{
    engine::{Durability, ProjectionMode},
    limits::{MAX_HOLD_SECONDS_MAX, TTL_SECONDS_MAX, TTL_SECONDS_MIN},
};
use tls::Trust;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{Auth, Config, LogFormat, Store, flags::Flags};
use crate::{embedded_redis, limits};

const YEAR_SECONDS: u64 = 366 * 86_400;
const HOUR_MS: u64 = 3_600_000;

/// Collects what is wrong while the values are read.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, flag: &str, problem: impl Display) {
        self.0.push(format!("--{flag}: {problem}"));
    }

    /// A number in `range`, or the range's start after noting the problem.
    fn number<T>(&mut self, flag: &str, text: &str, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            Ok(_) | Err(_) => {
                let (start, end) = (range.start(), range.end());
                self.add(
                    flag,
                    format_args!("{text:?} must be a number from {start} to {end}"),
                );
                *start
            }
        }
    }

    fn seconds(&mut self, flag: &str, text: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(flag, text, range))
    }

    fn millis(&mut self, flag: &str, text: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(flag, text, range))
    }

    /// One of a few words, or the first of them after noting the problem.
    fn word<T: Copy>(&mut self, flag: &str, text: &str, words: &[(&str, T)], otherwise: T) -> T {
        words.iter().find(|(word, _)| *word == text).map_or_else(
            || {
                let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.add(
                    flag,
                    format_args!("{text:?} must be one of {}", list.join(", ")),
                );
                otherwise
            },
            |(_, value)| *value,
        )
    }
}

/// Checks everything, also against each other.
pub(super) fn check(flags: &Flags) -> Result<Config, Vec<String>> {
    let mut p = Problems::default();
    let tls = flags
        .tls
        .tls(&mut |flag: &str, problem: &dyn Display| p.add(flag, problem));
    let config = Config {
        listen: listen(&mut p, flags),
        store: store(&mut p, flags),
        default_ttl_seconds: p.number(
            "default-ttl-seconds",
            &flags.default_ttl_seconds,
            TTL_SECONDS_MIN..=TTL_SECONDS_MAX,
        ),
        max_hold_seconds: p.number(
            "max-hold-seconds",
            &flags.max_hold_seconds,
            1..=MAX_HOLD_SECONDS_MAX,
        ),
        retention: p.seconds(
            "retention-seconds",
            &flags.retention_seconds,
            1..=YEAR_SECONDS,
        ),
        journal_keep: p.seconds(
            "journal-keep-seconds",
            &flags.journal_keep_seconds,
            1..=YEAR_SECONDS,
        ),
        journal_max_bytes: p.number(
            "journal-max-bytes",
            &flags.journal_max_bytes,
            1 << 20..=1 << 50,
        ),
        durability: p.word(
            "durability",
            &flags.durability,
            &[
                ("none", Durability::None),
                ("everysec", Durability::Everysec),
                ("always", Durability::Always),
            ],
            Durability::Everysec,
        ),
        durability_unverified: p.word(
            "durability-unverified",
            &flags.durability_unverified,
            &[("true", true), ("false", false)],
            false,
        ),
        projection: p.word(
            "projection",
            &flags.projection,
            &[
                ("auto", ProjectionMode::Auto),
                ("required", ProjectionMode::Required),
                ("none", ProjectionMode::None),
            ],
            ProjectionMode::Auto,
        ),
        auth: auth(&mut p, flags, &tls.trust),
        tls,
        log: p.word(
            "log",
            &flags.log,
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            LogFormat::Text,
        ),
        log_level: flags.log_level.clone(),
        request_timeout: p.millis("request-timeout-ms", &flags.request_timeout_ms, 10..=60_000),
        queue_max: p.number("queue-max", &flags.queue_max, 1..=1_000_000),
        batches_in_flight: p.number("batches-in-flight", &flags.batches_in_flight, 1..=16),
        worker_threads: p.number("worker-threads", &flags.worker_threads, 1..=64),
        drain_timeout: p.seconds(
            "drain-timeout-seconds",
            &flags.drain_timeout_seconds,
            0..=3_600,
        ),
        connections_max: p.number("connections-max", &flags.connections_max, 1..=1_000_000),
        streams_max: p.number("streams-max", &flags.streams_max, 0..=1_000_000),
        body_budget_bytes: p.number(
            "body-budget-bytes",
            &flags.body_budget_bytes,
            limits::BATCH_BODY_BYTES_MAX..=1 << 40,
        ),
        header_timeout: p.millis("header-timeout-ms", &flags.header_timeout_ms, 100..=HOUR_MS),
        body_timeout: p.millis("body-timeout-ms", &flags.body_timeout_ms, 100..=HOUR_MS),
        idle_timeout: p.millis("idle-timeout-ms", &flags.idle_timeout_ms, 100..=HOUR_MS),
        redis_wait: p.seconds("redis-wait-seconds", &flags.redis_wait_seconds, 0..=86_400),
    };
    if flags.shards != "1" {
        let shards = &flags.shards;
        p.add(
            "shards",
            format_args!("{shards:?}: only 1 shard is supported in this version"),
        );
    }
    if let Err(reason) = log_filter(&flags.log_level) {
        p.add(
            "log-level",
            format_args!("{:?} is no level or filter: {reason}", flags.log_level),
        );
    }
    if p.0.is_empty() { Ok(config) } else { Err(p.0) }
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

/// Who may call, and how they are known.
fn auth(p: &mut Problems, flags: &Flags, trust: &Trust) -> Auth {
    if !p.word(
        "auth",
        &flags.auth,
        &[("none", false), ("jwt", true)],
        false,
    ) {
        return Auth::None;
    }
    let mut complaints = |flag: &str, problem: &dyn Display| p.add(flag, problem);
    Auth::Jwt(flags.tokens.verifier(trust, &mut complaints))
}

fn listen(p: &mut Problems, flags: &Flags) -> SocketAddr {
    let text = flags.listen.replacen("localhost:", "127.0.0.1:", 1);
    let Ok(address) = text.parse::<SocketAddr>() else {
        p.add(
            "listen",
            format_args!(
                "{:?} must be an address and a port, like 127.0.0.1:8083",
                flags.listen
            ),
        );
        return SocketAddr::from(([127, 0, 0, 1], 0));
    };
    if !address.ip().is_loopback() && flags.auth != "jwt" {
        p.add(
            "listen",
            format_args!("{address} is not loopback; with --auth none anybody who reaches it could change stock; say --auth jwt"),
        );
    }
    address
}

fn store(p: &mut Problems, flags: &Flags) -> Store {
    match (flags.redis_url.clone(), flags.embedded_redis.clone()) {
        (Some(_), Some(_)) => {
            p.add("embedded-redis", "cannot be combined with --redis-url");
            Store::Url(String::new())
        }
        (Some(url), None) => {
            if !["redis://", "rediss://", "redis+unix://", "unix://"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
            {
                p.add(
                    "redis-url",
                    "must start with redis://, rediss:// or redis+unix://",
                );
            }
            Store::Url(url)
        }
        (None, Some(dir)) => Store::Embedded(directory(p, &dir)),
        (None, None) => Store::Url("redis://127.0.0.1:6379".to_owned()),
    }
}

fn directory(p: &mut Problems, dir: &str) -> PathBuf {
    if dir.is_empty() {
        p.add("embedded-redis", "must name a directory, is empty");
        return PathBuf::new();
    }
    let path = std::path::absolute(dir).unwrap_or_else(|error| {
        p.add("embedded-redis", format_args!("{dir:?}: {error}"));
        PathBuf::new()
    });
    let socket = embedded_redis::socket_path(&path);
    let len = socket.as_os_str().len();
    if len > limits::SOCKET_PATH_LEN_MAX {
        p.add(
            "embedded-redis",
            format_args!(
                "{} has {len} bytes, a socket's path at most {}; choose a shorter directory",
                socket.display(),
                limits::SOCKET_PATH_LEN_MAX
            ),
        );
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::{Config, NoConfig, Store};

    fn parse(args: &[&str]) -> Result<Config, NoConfig> {
        Config::from_args([&["inventory-server"], args].concat())
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
        assert_eq!(config.listen.to_string(), "127.0.0.1:8083");
        assert_eq!(
            config.store,
            Store::Url("redis://127.0.0.1:6379".to_owned())
        );
        assert_eq!(
            (config.default_ttl_seconds, config.max_hold_seconds),
            (900, 86_400)
        );
        assert_eq!(config.retention.as_secs(), 86_400);
        assert_eq!((config.queue_max, config.worker_threads), (4096, 1));
        assert!(!config.durability_unverified);
        assert!(
            parse(&["--durability-unverified"])
                .expect("a bare flag")
                .durability_unverified
        );
        assert!(
            parse(&["--durability-unverified=true"])
                .expect("a value")
                .durability_unverified
        );
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let args = [
            "--listen=0.0.0.0:1",
            "--shards=2",
            "--default-ttl-seconds=0",
            "--durability=sometimes",
            "--auth=maybe",
            "--log-level=loud=very=much",
            "--redis-url=http://x",
            "--queue-max=-1",
        ];
        let found = problems(&args);
        assert_eq!(found.len(), args.len(), "{found:#?}");
        for arg in args {
            let flag = arg.split('=').next().expect("a flag");
            assert!(
                found.iter().any(|p| p.starts_with(flag)),
                "{flag} in {found:#?}"
            );
        }
    }

    #[test]
    fn a_log_level_is_a_level_or_a_filter() {
        for fine in [
            "info",
            "OFF",
            "warn,inventory_core=debug",
            "info,a::b[c]=trace",
        ] {
            parse(&[&format!("--log-level={fine}")]).expect(fine);
        }
        for broken in ["", "inof", "warn,,", "warn,inof", "a=loud", "warn, info"] {
            let found = problems(&[&format!("--log-level={broken}")]);
            assert!(found[0].starts_with("--log-level: "), "{broken}: {found:?}");
        }
    }

    #[test]
    fn an_empty_value_is_a_problem_and_no_default() {
        for flag in [
            "redis-url",
            "embedded-redis",
            "listen",
            "shards",
            "log-level",
            "queue-max",
        ] {
            let found = problems(&[&format!("--{flag}=")]);
            assert_eq!(found.len(), 1, "{flag}: {found:?}");
            assert!(found[0].starts_with(&format!("--{flag}: ")), "{found:?}");
        }
    }

    #[test]
    fn flags_that_are_unknown_do_not_hide_the_other_problems() {
        let found = problems(&["--bogus", "--shards", "2", "--worse=1", "--queue-max=0"]);
        assert_eq!(found.len(), 4, "{found:#?}");
        for (problem, flag) in found
            .iter()
            .zip(["--bogus", "--worse", "--queue-max", "--shards"])
        {
            assert!(problem.contains(flag), "{flag} in {problem}");
        }
    }

    #[test]
    fn a_redis_of_its_own_and_a_given_one_exclude_each_other() {
        let found = problems(&["--redis-url=redis://h", "--embedded-redis=/tmp/x"]);
        assert_eq!(
            found,
            ["--embedded-redis: cannot be combined with --redis-url"]
        );
        let long = format!("--embedded-redis=/{}", "d".repeat(120));
        assert!(problems(&[&long])[0].contains("shorter directory"));
    }

    #[test]
    fn an_unknown_flag_is_a_problem_and_help_is_none() {
        assert!(problems(&["--lisen=x"])[0].contains("--lisen"));
        match parse(&["--help"]) {
            Err(NoConfig::Asked(help)) => {
                assert!(
                    help.contains("INVENTORY_REDIS_URL") && help.contains("[default: 900]"),
                    "{help}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
