//! A connection that knows its own name on the server, so that a call that was cut off can be
//! settled: once `CLIENT KILL ID` has answered, nothing that was sent over it can execute any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bb8_redis::bb8;
use redis::{
    AsyncConnectionConfig, Cmd, RedisError, RedisResult, Value, aio::MultiplexedConnection,
};
use tokio::sync::watch;

use super::address::Address;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Commands that one connection may have under way.
const PIPELINE_LIMIT: usize = 4_096;

/// Where a link leads, and who it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    run_id: String,
    client_id: i64,
}

/// One multiplexed connection.
#[derive(Debug)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    identity: Identity,
    broken: AtomicBool,
}

impl Link {
    pub(crate) async fn open(address: &Address) -> RedisResult<Self> {
        // A cut-off call is noticed by the caller's own timeout, which knows how to settle it.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE_LIMIT);
        let open = async {
            let mut connection = address.connect(&config).await?;
            let (client_id, info): (i64, String) = redis::pipe()
                .cmd("CLIENT")
                .arg("ID")
                .cmd("INFO")
                .arg("server")
                .query_async(&mut connection)
                .await?;
            let run_id = info_field(&info, "run_id").unwrap_or_default().to_owned();
            Ok(Self {
                connection,
                identity: Identity { run_id, client_id },
                broken: AtomicBool::new(false),
            })
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, open).await {
            Ok(link) => link,
            Err(_) => Err(RedisError::from(std::io::Error::from(
                std::io::ErrorKind::TimedOut,
            ))),
        }
    }

    /// An error reply of Redis is an `Err`.
    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let value = self.connection.clone().send_packed_command(command).await?;
        if let Value::ServerError(error) = value {
            return Err(error.into());
        }
        Ok(value)
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Never used again; the pool throws it away.
    pub(crate) fn mark_broken(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Makes sure that nothing sent over the link of that identity executes from now on. Another
    /// life of Redis has dropped its connections by itself, and its ids mean somebody else.
    pub(crate) async fn settle(&self, cut_off: &Identity) -> RedisResult<()> {
        if cut_off.run_id != self.identity.run_id {
            return Ok(());
        }
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("ID").arg(cut_off.client_id);
        self.send(&kill).await.map(|_| ())
    }
}

/// A field of an INFO answer.
pub(crate) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim_end)
}

/// Opens links for the pool. When a call was cut off, those that lie in the pool may be dead too:
/// each is tried before it is used again.
#[derive(Debug)]
pub(crate) struct LinkManager {
    address: Address,
    cuts: Arc<AtomicU64>,
    /// Why a link could not be opened: the pool would keep it to itself until its own timeout.
    failures: watch::Sender<String>,
}

/// A link and how many calls had been cut off when it was last known to be alive.
#[derive(Debug)]
pub(crate) struct Pooled {
    pub(crate) link: Link,
    cuts: u64,
}

impl LinkManager {
    /// `cuts` counts the calls of the shard that were cut off; `failures` is told why a link could
    /// not be opened.
    pub(crate) const fn new(
        address: Address,
        cuts: Arc<AtomicU64>,
        failures: watch::Sender<String>,
    ) -> Self {
        Self {
            address,
            cuts,
            failures,
        }
    }
}

impl bb8::ManageConnection for LinkManager {
    type Connection = Pooled;
    type Error = RedisError;

    async fn connect(&self) -> RedisResult<Pooled> {
        let cuts = self.cuts.load(Ordering::Relaxed);
        match Link::open(&self.address).await {
            Ok(link) => Ok(Pooled { link, cuts }),
            Err(error) => {
                self.failures.send_replace(error.to_string());
                Err(error)
            }
        }
    }

    async fn is_valid(&self, pooled: &mut Pooled) -> RedisResult<()> {
        let cuts = self.cuts.load(Ordering::Relaxed);
        if pooled.cuts != cuts {
            pooled.link.send(&redis::cmd("PING")).await?;
            pooled.cuts = cuts;
        }
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.link.is_broken()
    }
}
