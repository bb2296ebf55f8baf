//! Sessions, refresh tokens and logins in MariaDB.

mod clean;
mod logins;
mod sessions;

use service_kit::clock;
use sqlx::MySqlPool;

pub use self::{
    logins::{Login, LoginFilter, LoginOutcome, NewLogin},
    sessions::{Found, NewSession, Refused, Revoked, Rotation, revoke_locked},
};

/// The tables of this service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: MySqlPool,
}

impl Store {
    /// In the database of this pool.
    #[must_use]
    pub const fn new(pool: MySqlPool) -> Self {
        Self { pool }
    }
}

fn now_ms() -> i64 {
    clock::unix_ms()
}
