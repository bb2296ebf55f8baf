//! The connection to MariaDB, as every service has it (`service_kit::db`), with the worker's name for
//! the database, its tables and its limits.

use service_kit::db::{self, PoolSettings};
use sqlx::{MySqlPool, migrate::Migrator, mysql::MySqlConnectOptions};

pub use service_kit::db::{DatabaseError, begin, begin_with, is_transient, number};

use crate::limits::{
    DATABASE_ACQUIRE_TIMEOUT, DATABASE_CONNECTIONS_MAX, IDLE_TRANSACTION_TIMEOUT_SECONDS,
    LOCK_WAIT_TIMEOUT_SECONDS,
};

/// The database where the URL names none.
pub const DATABASE_DEFAULT: &str = "inventory";

/// The projection's tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// What the URL says, with `inventory` where it names no database.
///
/// # Errors
/// [`DatabaseError::Url`].
pub fn options(url: &str) -> Result<MySqlConnectOptions, DatabaseError> {
    db::options(url, DATABASE_DEFAULT)
}

/// A pool; nothing is connected yet.
///
/// # Errors
/// [`DatabaseError::Url`].
pub fn pool(url: &str) -> Result<MySqlPool, DatabaseError> {
    let settings = PoolSettings {
        connections_max: DATABASE_CONNECTIONS_MAX,
        acquire_timeout: DATABASE_ACQUIRE_TIMEOUT,
        lock_wait_timeout_seconds: LOCK_WAIT_TIMEOUT_SECONDS,
        idle_transaction_timeout_seconds: Some(IDLE_TRANSACTION_TIMEOUT_SECONDS),
        ..PoolSettings::default()
    };
    db::pool(url, DATABASE_DEFAULT, settings)
}

/// Creates the database if it is missing and this user may, and brings its tables up to date, under
/// a lock: several processes may do so at once.
///
/// # Errors
/// [`DatabaseError`].
pub async fn migrate(url: &str, pool: &MySqlPool) -> Result<(), DatabaseError> {
    db::migrate(url, DATABASE_DEFAULT, pool, &MIGRATIONS).await
}
