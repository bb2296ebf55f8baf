//! Configuration: read once, checked as a whole, every problem listed.

mod flags;
mod problems;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use access_token::Verifier;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use inventory_core::engine::{Durability, ProjectionMode};
use tls::Tls;

/// Who may call.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Everybody who reaches it, which is nobody from another machine.
    None,
    /// Who has an access token that this verifies.
    Jwt(Verifier),
}

/// What the process was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Which Redis holds the stock.
    pub store: Store,
    /// Time a hold lasts when the request does not say, in seconds.
    pub default_ttl_seconds: u32,
    /// Longest total life of a hold, in seconds.
    pub max_hold_seconds: u32,
    /// Time that closed reservations and operation outcomes stay.
    pub retention: Duration,
    /// Age at which journal entries are trimmed when no projection is attached.
    pub journal_keep: Duration,
    /// Memory budget of the journal, in bytes.
    pub journal_max_bytes: u64,
    /// What an acknowledgement means.
    pub durability: Durability,
    /// Do not ask Redis for its settings.
    pub durability_unverified: bool,
    /// Who opens a shard whose Redis changed its life.
    pub projection: ProjectionMode,
    /// Who may call.
    pub auth: Auth,
    /// What the listener serves, and whom outgoing connections trust.
    pub tls: Tls,
    /// How logs are written.
    pub log: LogFormat,
    /// What is logged, as a `tracing` filter.
    pub log_level: String,
    /// Time in which a request is answered once its body is there.
    pub request_timeout: Duration,
    /// Requests of one kind that may wait for a shard.
    pub queue_max: usize,
    /// Batched script calls in flight per shard.
    pub batches_in_flight: usize,
    /// Threads of the runtime; 1 is a single-threaded one.
    pub worker_threads: usize,
    /// Time that requests in flight get after SIGTERM.
    pub drain_timeout: Duration,
    /// Open connections.
    pub connections_max: usize,
    /// Open event streams.
    pub streams_max: usize,
    /// Bytes of request bodies held at once, all requests together.
    pub body_budget_bytes: usize,
    /// Time in which a request's head must arrive.
    pub header_timeout: Duration,
    /// Time in which a request's body must arrive.
    pub body_timeout: Duration,
    /// Time that a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// Time to wait at start for a Redis that cannot be reached.
    pub redis_wait: Duration,
}

/// Which Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A server at a URL.
    Url(String),
    /// A private server with its files in a directory.
    Embedded(PathBuf),
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
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
    /// Reads the command line (the first argument is the program's name) and `INVENTORY_*`.
    ///
    /// # Errors
    /// [`NoConfig`] with the help text, or with all problems at once.
    pub fn from_args<I>(args: I) -> Result<Self, NoConfig>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        let mut args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let mut unknown = Vec::new();
        loop {
            let error = match flags::Flags::read(&args) {
                Ok(flags) => return finish(&flags, unknown),
                Err(error) if error.use_stderr() => error,
                Err(asked) => return Err(NoConfig::Asked(asked.render().to_string())),
            };
            unknown.push(first_paragraph(&error));
            // The rest is looked at without it, so that one mistake does not hide the others.
            let Some(place) = unknown_flag(&error, &args) else {
                return Err(NoConfig::Problems(unknown));
            };
            args.remove(place);
        }
    }
}

fn finish(flags: &flags::Flags, mut problems: Vec<String>) -> Result<Config, NoConfig> {
    match problems::check(flags) {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(NoConfig::Problems(problems)),
        Err(more) => {
            problems.extend(more);
            Err(NoConfig::Problems(problems))
        }
    }
}

/// What is wrong, without the usage.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let end = text.find("\n\nUsage").unwrap_or(text.len());
    text[..end]
        .trim_start_matches("error: ")
        .trim_end()
        .to_owned()
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
