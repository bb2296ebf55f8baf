//! MariaDB: found, created if missing, migrated under a lock; its errors sorted into those that
//! pass and those that stay.

mod begin;
mod error;
mod name;
mod tables;
mod url;

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, Executor, MySqlPool,
    migrate::{MigrateError, Migrator},
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

pub use self::{
    begin::{begin, begin_with},
    error::{OnConstraint, constraint, is_duplicate_key, is_transient, number},
    name::{InvalidName, ServiceName},
    tables::Tables,
    url::trusting,
};

/// How a pool behaves.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Connections at most.
    pub connections_max: u32,
    /// How long to wait for one.
    pub acquire_timeout: Duration,
    /// How long a statement waits for a row lock, in seconds.
    pub lock_wait_timeout_seconds: u32,
    /// How long a transaction may wait for its next statement, in seconds, before MariaDB ends it:
    /// a process that was stopped inside one does not keep its row locks for good. `None`: as the
    /// server is set.
    pub idle_transaction_timeout_seconds: Option<u32>,
    /// Prepared statements kept for each connection.
    pub statements_max: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            connections_max: 16,
            acquire_timeout: Duration::from_secs(5),
            lock_wait_timeout_seconds: 5,
            idle_transaction_timeout_seconds: None,
            statements_max: 256,
        }
    }
}

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL makes no sense.
    #[error("database URL: {0}; it is mysql://user:password@host[:port]/database")]
    Url(String),
    /// It cannot be reached, or refuses this user.
    #[error("cannot reach MariaDB: {0}{advice}", advice = error::advice(.0))]
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

/// What the URL says, with `database` where it names none. Sessions are in UTC and `utf8mb4`.
///
/// # Errors
/// [`DatabaseError::Url`].
pub fn options(url: &str, database: &str) -> Result<MySqlConnectOptions, DatabaseError> {
    let options = parse(url)?;
    let options = match options.get_database() {
        Some(name) if !name.is_empty() => options,
        _ => options.database(database),
    };
    // Times are stored in UTC; the session says so too, so that NOW() agrees.
    Ok(options
        .timezone(Some("+00:00".to_owned()))
        .charset("utf8mb4")
        .disable_statement_logging())
}

/// How long a connection that was alive is taken to be so: no `MariaDB` restarts in less, so who
/// finds it again has no connection of its last life. One that dies and is used sooner costs its
/// user an error of the kind that passes ([`is_transient`]).
const ALIVE_FOR: Duration = Duration::from_millis(100);

/// A pool; nothing is connected yet.
///
/// # Errors
/// [`DatabaseError::Url`].
pub fn pool(url: &str, database: &str, settings: PoolSettings) -> Result<MySqlPool, DatabaseError> {
    let mut session = format!(
        "SET SESSION innodb_lock_wait_timeout = {}",
        settings.lock_wait_timeout_seconds
    );
    if let Some(idle) = settings.idle_transaction_timeout_seconds {
        session.push_str(&format!(", idle_transaction_timeout = {idle}"));
    }
    let session: Arc<str> = session.into();
    let pool = MySqlPoolOptions::new()
        .max_connections(settings.connections_max)
        .acquire_timeout(settings.acquire_timeout)
        // It was alive when it came back. A ping each time it is taken is a third of what a busy
        // service would say to MariaDB.
        .test_before_acquire(false)
        .before_acquire(|connection, taken| {
            Box::pin(async move {
                if taken.idle_for >= ALIVE_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let session = Arc::clone(&session);
            Box::pin(async move {
                connection.execute(sqlx::AssertSqlSafe(session)).await?;
                Ok(())
            })
        })
        .connect_lazy_with(
            options(url, database)?.statement_cache_capacity(settings.statements_max),
        );
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
pub async fn migrate(
    url: &str,
    database: &str,
    pool: &MySqlPool,
    migrations: &Migrator,
) -> Result<(), DatabaseError> {
    create(url, database).await?;
    // On a connection of its own: it goes with it, also when this is cancelled.
    let mut lock = options(url, database)?
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
    migrations.run(pool).await?;
    lock.close().await.map_err(DatabaseError::Unreachable)
}

/// Creates the database if it is missing and this user may.
///
/// # Errors
/// [`DatabaseError`].
pub async fn create(url: &str, database: &str) -> Result<(), DatabaseError> {
    let options = options(url, database)?;
    let name = options.get_database().unwrap_or(database).to_owned();
    match options.connect().await {
        Ok(connection) => return connection.close().await.map_err(DatabaseError::Unreachable),
        Err(error) if error::is_unknown_database(&error) => {}
        Err(error) => return Err(DatabaseError::Unreachable(error)),
    }
    let mut connection = parse(url)?
        .database("")
        .disable_statement_logging()
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

fn parse(url: &str) -> Result<MySqlConnectOptions, DatabaseError> {
    if let Some(name) = url::misspelt(url) {
        return Err(DatabaseError::Url(format!(
            "there is no {name}; TLS is said by {}",
            url::SETTINGS.join(", ")
        )));
    }
    MySqlConnectOptions::from_str(url).map_err(|error| DatabaseError::Url(error.to_string()))
}

/// Whether it answers, for `/readyz`.
///
/// # Errors
/// What it says.
pub async fn ping(pool: &MySqlPool) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(pool).await.map(drop)
}
