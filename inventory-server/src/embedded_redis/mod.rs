//! A private redis-server: its socket, append-only file and log live in one directory.
//!
//! It runs in a process group of its own, so that Ctrl-C in a terminal reaches this server first.
//! A Redis that outlived a killed server is adopted: it has the same data. One lock per directory
//! makes sure that there are never two.

mod control;
mod process;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use inventory_core::engine::Durability;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::process::Redis;
use crate::limits::EMBEDDED_BACKOFF_MAX;

/// Why there is no embedded Redis.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The program is missing.
    #[error(
        "redis-server is not on PATH; install Redis 7.0 or newer (Debian, Ubuntu: apt-get install redis-server) or name one by --redis-url"
    )]
    NotInstalled,
    /// Another server uses the directory.
    #[error("{} is in use by another inventory-server", .0.display())]
    InUse(PathBuf),
    /// The directory or a file in it cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It did not come up.
    #[error("redis-server did not start: {reason}; see {}", log.display())]
    Start {
        /// Why.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
}

/// The socket of the Redis in `dir`.
pub(crate) fn socket_path(dir: &Path) -> PathBuf {
    dir.join("redis.sock")
}

/// The URL of a socket: what has a meaning in a URL is escaped.
fn url_of(socket: &Path) -> String {
    let path = socket
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23");
    format!("redis+unix://{path}")
}

/// A running Redis and the task that keeps it running.
#[derive(Debug)]
pub(crate) struct EmbeddedRedis {
    url: String,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
    /// Held as long as this lives.
    _lock: File,
}

impl EmbeddedRedis {
    /// Starts or adopts the Redis in `dir` and waits until it answers.
    pub(crate) async fn start(dir: &Path, durability: Durability) -> Result<Self, EmbeddedError> {
        let file_error = |path: &Path| {
            let path = path.to_owned();
            move |error| EmbeddedError::File { path, error }
        };
        fs::create_dir_all(dir).map_err(file_error(dir))?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).map_err(file_error(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EmbeddedError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(file_error(&lock_path)(error)),
        }
        let redis = match Redis::adopt(dir, durability).await {
            Some(redis) => redis,
            None => Redis::start(dir, durability).await?,
        };
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keep(redis, dir.to_owned(), durability, stop.clone()));
        let url = url_of(&socket_path(dir));
        Ok(Self {
            url,
            stop,
            keeper,
            _lock: lock,
        })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops it and waits until it has written everything.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the keeper of the embedded Redis failed");
        }
    }
}

/// Starts Redis again whenever it dies, until told to stop.
async fn keep(mut redis: Redis, dir: PathBuf, durability: Durability, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return redis.stop().await,
            how = redis.ended() => tracing::error!(%how, "the embedded Redis died, starting it again"),
        }
        let mut pause = EMBEDDED_BACKOFF_MAX / 64;
        redis = loop {
            match Redis::start(&dir, durability).await {
                Ok(redis) => break redis,
                Err(error) => tracing::error!(%error, "the embedded Redis does not start"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(EMBEDDED_BACKOFF_MAX);
        };
    }
}
