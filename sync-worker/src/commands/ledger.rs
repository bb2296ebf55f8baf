//! `inventory_command`: what became of every command, in the transaction that tells it.

use std::time::Duration;

use service_kit::{
    consumer::HandlerError,
    db::{self, is_duplicate_key},
    outbox::{Outbox, OutboxRow},
};
use sqlx::{MySqlConnection, MySqlPool};

use super::command::{Command, Kind, Verdict};
use crate::{limits::COMMAND_PRUNE_ROWS, project::events};

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Refused,
}

impl Outcome {
    const fn column(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "DONE" => Self::Done,
            _ => Self::Refused,
        }
    }

    pub(super) const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Done { .. } => Self::Done,
            Verdict::Refused { .. } => Self::Refused,
        }
    }
}

/// What is known of a command before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    New,
    /// It is a repeat.
    Decided(Outcome),
    /// A reserve whose order was released before.
    Released,
}

/// What came of writing an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Ours,
    /// Another worker was faster. Nothing was written.
    Theirs(Outcome),
    /// The order was reserved and released at the same time, and neither saw the other. Nothing was
    /// written.
    Crossed,
}

/// Whether an outcome depends on the one of the command that goes against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// A hold was made: the order must not be released.
    Release,
    /// No hold was found: none must have been made.
    Reserve,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pool: MySqlPool,
    outbox: Outbox,
}

impl Ledger {
    pub(super) fn new(pool: MySqlPool) -> Self {
        Self {
            pool,
            outbox: Outbox::new(&events::service()),
        }
    }

    pub(super) const fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    pub(super) async fn known(&self, command: &Command) -> Result<Known, HandlerError> {
        let key = command.key();
        let release = Kind::Release.key(&command.subject);
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT command_key, outcome FROM inventory_command WHERE command_key IN (?, ?)",
        )
        .bind(&key)
        .bind(&release)
        .fetch_all(&self.pool)
        .await?;
        if let Some((_, outcome)) = rows.iter().find(|(found, _)| *found == key) {
            return Ok(Known::Decided(Outcome::parse(outcome)));
        }
        let released = command.kind == Kind::Reserve && !rows.is_empty();
        Ok(if released {
            Known::Released
        } else {
            Known::New
        })
    }

    /// Writes an outcome, and the event that tells it, if there is one.
    pub(super) async fn write(
        &self,
        command: &Command,
        event_id: &str,
        verdict: &Verdict,
        failed: Option<OutboxRow>,
        against: Against,
    ) -> Result<Written, HandlerError> {
        let mut transaction = db::begin(&self.pool).await?;
        let inserted = insert(&mut transaction, command, event_id, verdict).await;
        if let Err(error) = inserted {
            if !is_duplicate_key(&error) {
                return Err(error.into());
            }
            // Whoever wrote it has committed, or we would still wait.
            let theirs = outcome(&mut transaction, &command.key()).await?;
            transaction.rollback().await?;
            return theirs
                .map(Written::Theirs)
                .ok_or_else(|| HandlerError::transient("the outcome of a command came and went"));
        }
        // Each inserts its own row before it looks for the other's: one of the two waits and sees.
        let crossed = match against {
            Against::Nothing => false,
            Against::Release => {
                let key = Kind::Release.key(&command.subject);
                outcome(&mut transaction, &key).await?.is_some()
            }
            Against::Reserve => {
                let key = Kind::Reserve.key(&command.subject);
                outcome(&mut transaction, &key).await? == Some(Outcome::Done)
            }
        };
        if crossed {
            transaction.rollback().await?;
            return Ok(Written::Crossed);
        }
        if let Some(row) = failed {
            self.outbox.insert_rows(&mut transaction, &[row]).await?;
        }
        transaction.commit().await?;
        Ok(Written::Ours)
    }

    /// It was done after all, and there is no undoing it: what stands there is not so.
    pub(super) async fn set_done(&self, command: &Command) -> Result<(), HandlerError> {
        sqlx::query(
            "UPDATE inventory_command SET outcome = 'DONE', reason = NULL WHERE command_key = ?",
        )
        .bind(command.key())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

async fn insert(
    connection: &mut MySqlConnection,
    command: &Command,
    event_id: &str,
    verdict: &Verdict,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO inventory_command (command_key, kind, order_id, event_id, outcome, reason)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(command.key())
    .bind(command.kind.column())
    .bind(command.order.as_deref())
    .bind(event_id)
    .bind(Outcome::of(verdict).column())
    .bind(verdict.reason())
    .execute(connection)
    .await
    .map(drop)
}

/// The outcome as it is now, whatever the transaction has read before; it stays until its end.
async fn outcome(
    connection: &mut MySqlConnection,
    key: &str,
) -> Result<Option<Outcome>, sqlx::Error> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT outcome FROM inventory_command WHERE command_key = ? LOCK IN SHARE MODE",
    )
    .bind(key)
    .fetch_optional(connection)
    .await?;
    Ok(found.as_deref().map(Outcome::parse))
}

/// Removes outcomes older than `age`, a slice at a time; how many.
///
/// # Errors
/// Those of the database; what was removed stays so.
pub async fn prune(pool: &MySqlPool, age: Duration) -> Result<u64, sqlx::Error> {
    let mut removed: u64 = 0;
    loop {
        let gone = sqlx::query(
            "DELETE FROM inventory_command WHERE created_at < NOW(3) - INTERVAL ? SECOND
             ORDER BY created_at LIMIT ?",
        )
        .bind(age.as_secs())
        .bind(COMMAND_PRUNE_ROWS)
        .execute(pool)
        .await?
        .rows_affected();
        removed = removed.saturating_add(gone);
        if gone < u64::from(COMMAND_PRUNE_ROWS) {
            return Ok(removed);
        }
    }
}
