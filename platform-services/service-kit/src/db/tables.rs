use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{MySqlPool, migrate::Migrator};
use tokio_util::sync::CancellationToken;

use super::{DatabaseError, migrate, ping};
use crate::backoff::Backoff;

/// The first and the longest pause between two attempts.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The tables of a service: brought up to date in the background, and asked for by `/readyz`. Cheap
/// to clone.
#[derive(Debug, Clone)]
pub struct Tables {
    url: Arc<str>,
    database: &'static str,
    pool: MySqlPool,
    migrations: &'static Migrator,
    there: Arc<AtomicBool>,
}

impl Tables {
    /// Those of `migrations` in the database that `url` names, or else in `database`.
    #[must_use]
    pub fn new(
        url: &str,
        database: &'static str,
        pool: &MySqlPool,
        migrations: &'static Migrator,
    ) -> Self {
        Self {
            url: url.into(),
            database,
            pool: pool.clone(),
            migrations,
            there: Arc::default(),
        }
    }

    /// For [`crate::http::App::check`]: MariaDB answers and the tables are up to date.
    pub fn check(&self) -> impl Fn() -> Answer + Send + Sync + use<> {
        let tables = self.clone();
        move || {
            let tables = tables.clone();
            Box::pin(async move {
                ping(&tables.pool)
                    .await
                    .map_err(|error| error.to_string())?;
                let there = tables.there.load(Ordering::Acquire);
                there
                    .then_some(())
                    .ok_or_else(|| "the tables are not up to date yet".to_owned())
            })
        }
    }

    /// Brings them up to date, however long MariaDB is away; `false` when it was told to stop before.
    ///
    /// # Errors
    /// [`DatabaseError::Url`]. Everything else is tried again: another process may be migrating, or
    /// somebody repair what keeps a migration from succeeding.
    pub async fn migrate(&self, stop: &CancellationToken) -> Result<bool, DatabaseError> {
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        let mut said = String::new();
        loop {
            // Another process may migrate for minutes; nobody waits for that to stop this one.
            let migrated = tokio::select! {
                () = stop.cancelled() => return Ok(false),
                migrated = migrate(&self.url, self.database, &self.pool, self.migrations) => migrated,
            };
            let error = match migrated {
                Ok(()) => {
                    self.there.store(true, Ordering::Release);
                    tracing::info!("MariaDB is there");
                    return Ok(true);
                }
                Err(error @ DatabaseError::Url(_)) => return Err(error),
                Err(
                    error @ (DatabaseError::Unreachable(_)
                    | DatabaseError::Locked
                    | DatabaseError::Migration(_)),
                ) => error.to_string(),
            };
            if error != said {
                tracing::warn!(error, "waiting for MariaDB");
                said = error;
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(false),
                () = tokio::time::sleep(backoff.pause()) => {}
            }
        }
    }
}
