//! Takes away the rows of an outbox that Debezium publishes.
//!
//! # Why no row is lost
//! 1. The janitor reads the ids of rows that are committed, and after that the end of the binary log: the
//!    inserts of these rows are in front of it.
//! 2. It deletes these ids, and no others, when the offset of the connector is at that place or behind it.
//!    Kafka Connect commits an offset only after Kafka has acknowledged all that is in front of it.
//! 3. Whatever is not known means waiting: Connect does not answer, there is no such connector or no offset,
//!    the connector publishes another table, is still copying, or is behind the end of the log (which then was
//!    reset).
//!
//! So every row that is not on Kafka is in the table, and a connector that lost its offset, or is registered
//! anew, copies the table first (`snapshot.mode`) and misses nothing.
//!
//! Several replicas may run one each: what the other has deleted is not there any more.
//!
//! # Failed connectors
//! A task that starts while MariaDB is away fails for good. The janitor, which sees it standing still, restarts
//! what failed, from time to time.
//!
//! # Needs
//! The right `BINLOG MONITOR`, to ask for the end of the log.

mod connector;
mod metrics;
mod position;
mod rows;

use std::time::Duration;

use sqlx::MySqlPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::metrics::JanitorMetrics;
use self::{
    connector::{Connector, Unknown},
    position::Position,
    rows::{Rows, end_of_log},
};
use crate::{
    backoff::Backoff,
    client::{Client, ClientConfigError, ClientSettings, Outbound, TokenSource},
    db::ServiceName,
};

/// How a janitor behaves.
#[derive(Debug, Clone)]
pub struct JanitorSettings {
    /// The connector's name in Kafka Connect.
    pub connector: String,
    /// How often it looks.
    pub period: Duration,
    /// Rows that are taken away together, at most; their ids are kept until the connector has passed them.
    pub rows_max: u32,
    /// How long a connector that failed is left alone before it is restarted again.
    pub restart_pause: Duration,
}

impl JanitorSettings {
    /// The defaults, for the connector `<service>-outbox`.
    #[must_use]
    pub fn new(service: &ServiceName) -> Self {
        Self {
            connector: format!("{service}-outbox"),
            period: Duration::from_secs(1),
            rows_max: 20_000,
            restart_pause: Duration::from_secs(10),
        }
    }
}

/// Calls Kafka Connect at `url`, such as `http://127.0.0.1:8093`.
///
/// # Errors
/// [`ClientConfigError`]: it is no such URL.
pub fn client(url: &str, outbound: &Outbound) -> Result<Client, ClientConfigError> {
    let settings = ClientSettings::new("connect");
    Client::new(url, settings, TokenSource::none(), outbound)
}

const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// The janitor of a service's outbox. Run one in every replica that runs no relay.
#[derive(Debug)]
pub struct Janitor {
    pool: MySqlPool,
    connector: Connector,
    settings: JanitorSettings,
    metrics: JanitorMetrics,
    rows: Rows,
    /// `database.table`, once it is known.
    table: Option<String>,
    /// What is to be deleted next.
    mark: Option<Mark>,
    restart_at: Instant,
    said: Option<String>,
}

/// Rows that were committed when the binary log ended at a place.
#[derive(Debug)]
struct Mark {
    ids: Vec<u64>,
    end: Position,
}

/// Why a round came to nothing.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("MariaDB: {0}")]
    Database(#[from] sqlx::Error),
    #[error("MariaDB writes no binary log; start it with log-bin")]
    NoLog,
    #[error(transparent)]
    Connect(#[from] Unknown),
    #[error(
        "the connector {0} is behind the end of the binary log, which was reset; \
         stop it, delete its offsets and resume it"
    )]
    Beyond(String),
}

impl Janitor {
    /// Of the outbox of `service` in the database of `pool`; uses one connection of it. `connect` calls Kafka
    /// Connect.
    #[must_use]
    pub fn new(
        service: &ServiceName,
        pool: MySqlPool,
        connect: Client,
        settings: JanitorSettings,
        metrics: JanitorMetrics,
    ) -> Self {
        Self {
            pool,
            connector: Connector::new(connect, settings.connector.clone()),
            settings,
            metrics,
            rows: Rows::new(service),
            table: None,
            mark: None,
            restart_at: Instant::now(),
            said: None,
        }
    }

    /// Cleans until `stop`. Kafka Connect or MariaDB away means waiting, however long.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        tracing::info!(connector = self.connector.name(), "janitor started");
        while !stop.is_cancelled() {
            let pause = match self.round().await {
                Ok(full) => {
                    backoff.reset();
                    self.said = None;
                    // There may be more that the connector has passed already.
                    if full { continue } else { self.settings.period }
                }
                Err(error) => {
                    self.count(&error);
                    backoff.pause().max(self.settings.period)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        tracing::info!(connector = self.connector.name(), "janitor stopped");
    }

    /// Whether it took away as many rows as it may at once.
    async fn round(&mut self) -> Result<bool, RoundError> {
        let waiting = self.rows.waiting(&self.pool).await?;
        self.metrics.waiting.set(waiting.rows);
        self.metrics
            .oldest_age_seconds
            .set(waiting.age().as_secs_f64());
        if self.mark.is_none() {
            let ids = self.rows.first(&self.pool, self.settings.rows_max).await?;
            if ids.is_empty() {
                return Ok(false);
            }
            let end = self.end_of_log().await?;
            self.mark = Some(Mark { ids, end });
        }
        let reached = self.reached().await?;
        if self
            .mark
            .as_ref()
            .is_none_or(|mark| !reached.has_reached(&mark.end))
        {
            self.revive().await?;
            return Ok(false);
        }
        // Asked for after the offset, so that the offset cannot be behind it.
        if !self.end_of_log().await?.has_reached(&reached) {
            return Err(RoundError::Beyond(self.connector.name().to_owned()));
        }
        let Some(mark) = self.mark.take() else {
            return Ok(false);
        };
        let deleted = self.rows.delete(&self.pool, &mark.ids).await?;
        self.metrics.deleted.inc_by(deleted);
        Ok(u32::try_from(mark.ids.len()).is_ok_and(|rows| rows >= self.settings.rows_max))
    }

    async fn end_of_log(&self) -> Result<Position, RoundError> {
        end_of_log(&self.pool).await?.ok_or(RoundError::NoLog)
    }

    async fn reached(&mut self) -> Result<Position, RoundError> {
        let table = match self.table.take() {
            Some(table) => table,
            None => self.rows.name(&self.pool).await?,
        };
        let reached = self.connector.reached(&table).await;
        self.table = Some(table);
        if reached.is_err() {
            // One that failed before it had published anything.
            self.revive().await?;
        }
        Ok(reached?)
    }

    /// Restarts a connector that has failed.
    async fn revive(&mut self) -> Result<(), RoundError> {
        if Instant::now() < self.restart_at {
            return Ok(());
        }
        if let Some(why) = self.connector.failure().await? {
            self.restart_at = Instant::now() + self.settings.restart_pause;
            self.metrics.restarts.inc();
            tracing::warn!(
                connector = self.connector.name(),
                why,
                "restarting a connector that failed"
            );
            self.connector.restart_what_failed().await?;
        }
        Ok(())
    }

    /// The same is said once, not every second.
    fn count(&mut self, error: &RoundError) {
        match error {
            RoundError::Database(_) | RoundError::NoLog => self.metrics.database_failures.inc(),
            RoundError::Connect(_) | RoundError::Beyond(_) => self.metrics.connect_failures.inc(),
        };
        let text = error.to_string();
        if self.said.as_ref() != Some(&text) {
            tracing::warn!(error = text, "the janitor deletes nothing");
            self.said = Some(text);
        }
    }
}
