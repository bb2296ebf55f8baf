use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::ClientConfig;

use crate::domain::TimestampMs;

/// What an acknowledgement means when Redis dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// Nothing is promised.
    None,
    /// The AOF is fsynced every second: a crash of the machine loses at most about that.
    #[default]
    Everysec,
    /// Acknowledged means fsynced.
    Always,
}

impl Durability {
    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Everysec => "everysec",
            Self::Always => "always",
        }
    }
}

/// Who may open a shard whose Redis has changed its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectionMode {
    /// As `None` until this process has seen a projection attached, then as `Required`. An empty
    /// Redis is initialised only by a process that never saw the shard populated.
    #[default]
    Auto,
    /// Only the projection's worker blesses.
    Required,
    /// There is no projection: the engine blesses by itself.
    None,
}

/// Where the shard's time comes from.
#[derive(Debug, Clone, Default)]
pub enum ShardClock {
    /// `TIME` inside the script.
    #[default]
    Redis,
    /// A test's hand: the value is passed to every script.
    Manual(Arc<AtomicU64>),
}

impl ShardClock {
    /// A clock that stands at `now` until it is moved.
    #[must_use]
    pub fn manual(now: TimestampMs) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves a manual clock forward by `ms`; a Redis clock goes by itself.
    pub fn advance_ms(&self, ms: u64) {
        if let Self::Manual(now) = self {
            now.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// The override that a script is given: empty for the Redis clock.
    #[must_use]
    pub fn argument(&self) -> String {
        match self {
            Self::Redis => String::new(),
            Self::Manual(now) => now.load(Ordering::SeqCst).to_string(),
        }
    }
}

/// How to reach a store and what to expect of it.
#[derive(Clone)]
pub struct EngineConfig {
    /// `redis://…`, `rediss://…` or `redis+unix:///…`.
    pub redis_url: String,
    /// Whom a `rediss://` connection trusts; the others need none.
    pub tls: Option<Arc<ClientConfig>>,
    /// Redis settings weaker than this are refused.
    pub durability: Durability,
    /// Do not ask Redis for its settings (managed services forbid CONFIG).
    pub durability_unverified: bool,
    /// Who opens the shard after a loss.
    pub projection: ProjectionMode,
    /// Where time comes from.
    pub clock: ShardClock,
    /// Connections for everything but the hot path.
    pub pool_size: u32,
    /// A script call without an answer for so long counts as cut off.
    pub call_timeout: Duration,
    /// Name of this process in blessings.
    pub who: String,
}

impl EngineConfig {
    /// Defaults for everything but the address: `everysec`, `auto`, 8 connections, 1 s, no TLS.
    #[must_use]
    pub fn new(redis_url: &str) -> Self {
        Self {
            redis_url: redis_url.to_owned(),
            tls: None,
            durability: Durability::default(),
            durability_unverified: false,
            projection: ProjectionMode::default(),
            clock: ShardClock::default(),
            pool_size: 8,
            call_timeout: Duration::from_secs(1),
            who: "inventory-core".to_owned(),
        }
    }
}

impl fmt::Debug for EngineConfig {
    /// Without the URL: a password may stand in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("durability", &self.durability)
            .field("durability_unverified", &self.durability_unverified)
            .field("projection", &self.projection)
            .field("clock", &self.clock)
            .field("pool_size", &self.pool_size)
            .field("call_timeout", &self.call_timeout)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}
