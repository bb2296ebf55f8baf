//! Bringing both sides together again after one of them changed its life: what to do
//! ([`decide()`]), and doing it. MariaDB into Redis ([`rebuild()`], [`restore()`]), Redis into MariaDB
//! ([`resync()`]), or just a new epoch ([`open()`]).
//!
//! Everything here may be dropped at any await and begun again: what is half done is never opened.

mod copy;
mod decide;
mod epochs;
mod fill;
mod grace;
mod open;
mod rebuild;
mod report;
mod restore;
mod resync;
mod rows;

use std::{sync::Arc, time::Duration};

use inventory_core::{Fault, ShardId, engine::Engine};
use sqlx::MySqlPool;

pub use decide::{Decision, Epochs, Held, Memory, Open, Rebuild, Resync, decide};
pub use open::{issue, open};
pub use rebuild::rebuild;
pub use report::{Counts, Kind, Report};
pub use restore::restore;
pub use resync::resync;

use crate::{project::Events, status::Status};

/// Name of the projection in `meta`.
pub const PROJECTION: &str = "mariadb";

/// What a recovery works with.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Redis.
    pub engine: Engine,
    /// MariaDB.
    pub pool: MySqlPool,
    /// Which shard.
    pub shard: ShardId,
    /// Told how far it is, and what came of it.
    pub status: Arc<Status>,
    /// Who does it, for blessings and reports.
    pub who: String,
    /// Closed reservations and outcomes younger than this go back into Redis.
    pub retention: Duration,
    /// Where the projection's events go; without it none are written.
    pub events: Option<Events>,
}

/// Why a recovery did not come to its end. Look again, after a while.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Redis.
    #[error(transparent)]
    Redis(#[from] Fault),
    /// MariaDB.
    #[error("MariaDB: {0}")]
    Database(#[from] sqlx::Error),
    /// The cursor row is not what it was: another worker owns the shard, or somebody works on it.
    #[error("the cursor row has changed")]
    Superseded,
    /// The worker was told to stop while it waited for a store.
    #[error("told to stop")]
    Stopped,
    /// MariaDB has a row that nothing can be made of.
    #[error("MariaDB has what cannot be restored: {0}")]
    Unreadable(String),
}
