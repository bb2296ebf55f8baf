//! What a [`RedisServer`] is started with.

use std::path::PathBuf;

use super::RedisServer;
use crate::Result;

/// Whether Redis writes an append-only file, and when it flushes it to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Appendonly {
    /// No file: an ended server has forgotten everything.
    #[default]
    No,
    /// Flushed once a second.
    Everysec,
    /// Flushed before the reply is sent.
    Always,
}

/// Settings of a [`RedisServer`]; made by [`RedisServer::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) appendonly: Appendonly,
    pub(super) dir: Option<PathBuf>,
    pub(super) tcp: bool,
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) cluster: bool,
    pub(super) extra: Vec<(String, String)>,
}

impl Builder {
    /// Append-only file; default [`Appendonly::No`].
    pub fn appendonly(mut self, appendonly: Appendonly) -> Self {
        self.appendonly = appendonly;
        self
    }

    /// Folder for its data, made if missing and left in place afterwards. Default: a temporary one that
    /// goes with the server.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Listens on a loopback port as well as on the unix socket.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Listens on a loopback port that speaks TLS as well, with this certificate and its key (PEM); clients
    /// need none.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some((certificate.into(), key.into()));
        self
    }

    /// As a node of a Redis Cluster, alone and without slots: see [`RedisServer::take_slots`] and
    /// [`RedisServer::meet`].
    pub fn cluster(mut self) -> Self {
        self.cluster = true;
        self
    }

    /// A line of its configuration, such as `("maxmemory", "64mb")`. Wins over the settings above.
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and returns when it answers `PING`, some 20 ms later.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] without a `redis-server` on PATH; [`crate::Error::Ended`] with its log when
    /// it does not like a setting; [`crate::Error::TimedOut`].
    pub fn start(self) -> Result<RedisServer> {
        RedisServer::begin(&self)
    }
}
