//! The engine on Redis: the only place that names stock keys or runs the scripts in `lua/`.
//!
//! A call goes through [`Engine`], which finds the shard; the shard's gate says whether the call is
//! admitted and under which epoch; the script compares that with the life of Redis it runs in.

mod address;
mod adjust;
mod answer;
mod attest;
mod bless;
mod call;
mod codec;
mod config;
mod confirm;
mod count;
mod cut;
mod detach;
mod entries;
mod expire;
mod extend;
mod gate;
mod journal;
mod keeper;
mod keys;
mod lane;
mod lifecycle;
mod link;
mod list;
mod projected;
mod purge;
pub mod raw;
mod release;
mod repair;
mod reply;
mod reservation;
mod reserve;
mod restore;
mod retire;
mod return_goods;
mod scripts;
mod seen;
mod settings;
mod status;
mod stock;
mod store_keys;
mod survey;

use std::{sync::Arc, time::Instant};

pub use answer::{
    Counted, Held, Purged, ReservationRead, ShardStatus, StockPage, StockRead, Swept,
};
pub use bless::Issued;
pub use codec::marks::{counted_lines, stored_stamp};
pub use config::{Durability, EngineConfig, ProjectionMode, ShardClock};
pub use cut::{Cut, CutPart, KeptLimit, KeptRetired, KeptUse};
pub use entries::RawEntry;
pub use repair::Repair;
pub use reservation::parse_reservation;
pub use restore::{RestoreStep, Restored};
pub use store_keys::{KeyPage, StoreKey};
pub use survey::{Meta, MetaState, Survey};

use crate::domain::{Epoch, Fault, ShardId, Sku};
use call::Shard;
use gate::{GateState, Look};
use keys::Keys;

/// Repeats a call that answers `REAP_MORE` (each bite expires some holds) until the deadline.
///
/// Not an `AsyncFnMut`: its future could not be sent to another thread.
async fn until_decided<T, F: Future<Output = Result<T, Fault>>>(
    deadline: Instant,
    mut call: impl FnMut() -> F,
) -> Result<T, Fault> {
    loop {
        match call().await {
            Err(Fault::ReapMore) if Instant::now() < deadline => {}
            decided => return decided,
        }
    }
}

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Redis answers, but its version or settings are refused: each problem says what to type.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The URL makes no sense.
    #[error("redis URL: {0}")]
    Url(String),
    /// Redis cannot be reached (yet).
    #[error("cannot reach Redis: {0}")]
    Unreachable(String),
}

/// The engine. Cheap to clone; the last clone that is dropped stops its background task.
#[derive(Debug, Clone)]
pub struct Engine {
    shard: Arc<Shard>,
    _keeper: Arc<Keeper>,
}

#[derive(Debug)]
struct Keeper(tokio::task::JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Engine {
    /// Connects, checks version and settings, and admits itself to the shard if it is open (or
    /// opens it, as `config.projection` allows).
    ///
    /// A fenced shard is no error: calls answer [`crate::Fault::Fenced`] until the gate opens; a
    /// task in the background keeps looking.
    ///
    /// # Errors
    /// [`ConnectError`]: settings that are refused, a URL that cannot be read, nobody there.
    pub async fn connect(config: EngineConfig) -> Result<Self, ConnectError> {
        let shard = Arc::new(Shard::new(Keys::new(ShardId::ZERO), config)?);
        match shard.look().await {
            Ok(Look::Open | Look::Wait(_)) => {}
            Ok(Look::Refused(problems)) => return Err(ConnectError::Refused(problems)),
            // It answers, and will be fit to write later: the keeper goes on looking.
            Err(error)
                if matches!(
                    error.code(),
                    Some("LOADING" | "BUSY" | "MISCONF" | "NOREPLICAS" | "OOM")
                ) => {}
            Err(error) => return Err(ConnectError::Unreachable(error.to_string())),
        }
        let keeper = tokio::spawn(keeper::keep(Arc::downgrade(&shard)));
        Ok(Self {
            shard,
            _keeper: Arc::new(Keeper(keeper)),
        })
    }

    /// The shard that holds a SKU.
    #[must_use]
    pub const fn shard_of(&self, _sku: &Sku) -> ShardId {
        ShardId::ZERO
    }

    /// All shards.
    #[must_use]
    pub fn shard_ids(&self) -> Vec<ShardId> {
        vec![ShardId::ZERO]
    }

    /// The epoch that this process is admitted to, without asking Redis.
    ///
    /// # Errors
    /// Why the shard is fenced.
    pub fn gate(&self, shard: ShardId) -> Result<Epoch, String> {
        match self.shard(shard).gate.state() {
            GateState::Open(epoch) => Ok(epoch),
            GateState::Fenced(why) => Err(why),
        }
    }

    /// Waits until the shard is open, at most until `deadline`.
    ///
    /// # Errors
    /// Why it is still fenced.
    pub async fn opened(&self, shard: ShardId, deadline: Instant) -> Result<Epoch, String> {
        let mut states = self.shard(shard).gate.subscribe();
        let opened = states.wait_for(|state| matches!(state, GateState::Open(_)));
        // The outcome is in the gate's state either way.
        let _ = tokio::time::timeout_at(deadline.into(), opened).await;
        self.gate(shard)
    }

    /// More shards than one are a later step; every call names its shard already.
    fn shard(&self, _shard: ShardId) -> &Shard {
        &self.shard
    }
}
