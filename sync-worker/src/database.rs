//! The connection to MariaDB: found, created if missing, migrated under a lock.

use std::str::FromStr;

use sqlx::{
    ConnectOptions, Connection, Executor, MySqlPool,
    migrate::{MigrateError, Migrator},
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

use crate::limits::{
    DATABASE_ACQUIRE_TIMEOUT, DATABASE_CONNECTIONS_MAX, IDLE_TRANSACTION_TIMEOUT_SECONDS,
    LOCK_WAIT_TIMEOUT_SECONDS,
};

/// The database where the URL names none.
pub const DATABASE_DEFAULT: &str = "inventory";

/// The projection's tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL makes no sense.
    #[error("database URL: {0}; it is mysql://user:password@host[:port]/database")]
    Url(String),
    /// It cannot be reached, or refuses this user.
    #[error("cannot reach MariaDB: {0}")]
    Unreachable(sqlx::Error),
    /// Another process has been migrating for too long.
    #[error(
        "another process has been migrating this database for {MIGRATION_LOCK_SECONDS} s; see SHOW PROCESSLIST"
    )]
    Locked,
    /// A migration failed.
    #[error("migration: {0}")]
    Migration(#[from] MigrateError),
}

/// What the URL says, with `inventory` where it names no database.
///
/// # Errors
/// [`DatabaseError::Url`].
pub fn options(url: &str) -> Result<MySqlConnectOptions, DatabaseError> {
    let options = MySqlConnectOptions::from_str(url)
        .map_err(|error| DatabaseError::Url(error.to_string()))?;
    let options = match options.get_database() {
        Some(name) if !name.is_empty() => options,
        _ => options.database(DATABASE_DEFAULT),
    };
    // Times are stored in UTC; the session says so too, so that NOW() agrees.
    Ok(options
        .timezone(Some("+00:00".to_owned()))
        .charset("utf8mb4")
        .statement_cache_capacity(256)
        .disable_statement_logging())
}

/// A pool; nothing is connected yet.
///
/// # Errors
/// [`DatabaseError::Url`].
pub fn pool(url: &str) -> Result<MySqlPool, DatabaseError> {
    let pool = MySqlPoolOptions::new()
        .max_connections(DATABASE_CONNECTIONS_MAX)
        .acquire_timeout(DATABASE_ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                let waits = format!(
                    "SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT_SECONDS},
                         idle_transaction_timeout = {IDLE_TRANSACTION_TIMEOUT_SECONDS}"
                );
                connection.execute(sqlx::AssertSqlSafe(waits)).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options(url)?);
    Ok(pool)
}

/// How long to wait for another process that migrates, in seconds.
const MIGRATION_LOCK_SECONDS: u32 = 600;

/// Creates the database if it is missing and this user may, and brings its tables up to date.
/// Several processes may do so at once: one after the other, under a lock in the database.
///
/// The lock is our own: sqlx asks for its lock with a timeout of -1, which `MariaDB` refuses with a
/// warning, so it has none.
///
/// # Errors
/// [`DatabaseError`].
pub async fn migrate(url: &str, pool: &MySqlPool) -> Result<(), DatabaseError> {
    create(url).await?;
    // On a connection of its own: the lock goes with it, also when this is cancelled.
    let mut lock = options(url)?
        .connect()
        .await
        .map_err(DatabaseError::Unreachable)?;
    let taken: Option<i64> =
        sqlx::query_scalar("SELECT GET_LOCK(CONCAT('migrate ', MD5(DATABASE())), ?)")
            .bind(MIGRATION_LOCK_SECONDS)
            .fetch_one(&mut lock)
            .await
            .map_err(DatabaseError::Unreachable)?;
    if taken != Some(1) {
        return Err(DatabaseError::Locked);
    }
    MIGRATIONS.run(pool).await?;
    lock.close().await.map_err(DatabaseError::Unreachable)
}

async fn create(url: &str) -> Result<(), DatabaseError> {
    let options = options(url)?;
    let name = options
        .get_database()
        .unwrap_or(DATABASE_DEFAULT)
        .to_owned();
    match options.connect().await {
        Ok(connection) => return connection.close().await.map_err(DatabaseError::Unreachable),
        Err(error) if is_unknown_database(&error) => {}
        Err(error) => return Err(DatabaseError::Unreachable(error)),
    }
    let mut connection = MySqlConnectOptions::from_str(url)
        .map_err(|error| DatabaseError::Url(error.to_string()))?
        .database("")
        .connect()
        .await
        .map_err(DatabaseError::Unreachable)?;
    let statement = format!(
        "CREATE DATABASE IF NOT EXISTS `{}` CHARACTER SET utf8mb4",
        name.replace('`', "``")
    );
    connection
        .execute(sqlx::AssertSqlSafe(statement))
        .await
        .map_err(DatabaseError::Unreachable)?;
    connection.close().await.map_err(DatabaseError::Unreachable)
}

/// `ER_BAD_DB_ERROR`
fn is_unknown_database(error: &sqlx::Error) -> bool {
    number(error) == Some(1049)
}

/// The number of an error that MariaDB answered.
#[must_use]
pub fn number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Whether the same statement may succeed later: the database is away, busy, full or read-only.
/// Everything else is a fault of the statement or its data and comes back every time.
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    if matches!(error, sqlx::Error::Database(_)) {
        return number(error).is_none_or(|number| TRANSIENT.contains(&number));
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    )
}

/// Numbers of MariaDB's errors that pass by themselves or by an operator's hand: disk full (1021,
/// 1114), too many connections (1040, 1203, 1226), access denied (1044, 1045, 1142), shutdown
/// (1053, 1927), lock wait timeout (1205), deadlock (1213), read-only (1290, 1792), interrupted
/// (1317, 1969), a table that is being changed (1412), and a schema that is not there (1049, 1146).
const TRANSIENT: [u16; 19] = [
    1021, 1040, 1044, 1045, 1049, 1053, 1114, 1142, 1146, 1203, 1205, 1213, 1226, 1290, 1317, 1412,
    1792, 1927, 1969,
];
