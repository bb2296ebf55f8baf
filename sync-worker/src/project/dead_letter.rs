//! Changes that could not be applied, each alone, until an operator applies or drops them.

use inventory_core::{Epoch, JournalId, ShardId, engine::RawEntry};
use sqlx::{MySqlConnection, MySqlPool, Row, mysql::MySqlRow};

use super::{
    batch::{self, Content},
    events::{Events, Outlet},
    plan::Plan,
    write::{self, Mode},
};
use crate::{
    cursor::{self, shard_number},
    database,
    limits::{APPLY_TRIES_MAX, DEAD_LETTER_REASON_MAX},
};

/// Where changes come from.
const SOURCE: &str = "projection";

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterStatus {
    /// Nothing yet.
    Open,
    /// It was applied later.
    Replayed,
    /// It was dropped.
    Discarded,
}

impl DeadLetterStatus {
    /// As the column has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Replayed => "REPLAYED",
            Self::Discarded => "DISCARDED",
        }
    }

    /// Reads it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Replayed, Self::Discarded]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// A change that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub id: u64,
    /// The journal entry.
    pub entry: JournalId,
    /// The change within the entry, from 0; none where the entry cannot be read.
    pub item: Option<u32>,
    /// What the database said, or why the entry cannot be read.
    pub reason: String,
    /// The entry as the journal had it, for [`RawEntry::from_payload`].
    pub payload: Vec<u8>,
    /// How often it was tried.
    pub tries: u32,
    /// Whether the projection wrote events when it put the change aside: those of this one are
    /// missing.
    pub events: bool,
    /// What became of it.
    pub status: DeadLetterStatus,
    /// When it was put aside, `YYYY-MM-DD hh:mm:ss.mmm`, UTC.
    pub created_at: String,
    /// When it was replayed or discarded.
    pub closed_at: Option<String>,
    /// By whom.
    pub closed_by: Option<String>,
}

const COLUMNS: &str = "id, epoch, n, item, reason, payload, tries, events, status,
    CAST(created_at AS CHAR) AS created_at, CAST(closed_at AS CHAR) AS closed_at, closed_by";

fn read(row: &MySqlRow) -> Result<DeadLetter, sqlx::Error> {
    let status: &str = row.try_get("status")?;
    let item: i32 = row.try_get("item")?;
    Ok(DeadLetter {
        id: row.try_get("id")?,
        entry: JournalId {
            epoch: Epoch(row.try_get("epoch")?),
            n: row.try_get("n")?,
        },
        item: u32::try_from(item).ok(),
        reason: row.try_get("reason")?,
        payload: row.try_get("payload")?,
        tries: row.try_get("tries")?,
        events: row.try_get("events")?,
        status: DeadLetterStatus::parse(status)
            .ok_or_else(|| sqlx::Error::Decode(format!("dead letter status {status:?}").into()))?,
        created_at: row.try_get("created_at")?,
        closed_at: row.try_get("closed_at")?,
        closed_by: row.try_get("closed_by")?,
    })
}

/// Dead letters with a number above `after`, by number, at most `max`; of one status, or all.
///
/// # Errors
/// Those of the database.
pub async fn list(
    pool: &MySqlPool,
    shard: ShardId,
    status: Option<DeadLetterStatus>,
    after: u64,
    max: u32,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM dead_letter
         WHERE source = ? AND shard = ? AND id > ? AND (? IS NULL OR status = ?)
         ORDER BY id LIMIT ?"
    );
    let status = status.map(DeadLetterStatus::as_str);
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(SOURCE)
        .bind(shard_number(shard))
        .bind(after)
        .bind(status)
        .bind(status)
        .bind(max)
        .fetch_all(pool)
        .await?;
    rows.iter().map(read).collect()
}

/// What a replay or a discard came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// It is closed now.
    Done,
    /// There is no such dead letter.
    Unknown,
    /// It was closed before.
    Before(DeadLetterStatus),
    /// It is refused again, and stays open: why.
    Refused(String),
}

/// Applies a dead letter: audit log, ledger and counters as if it had come in time; figures and
/// records only where nothing newer has come meanwhile. Its events, if the projection wrote events
/// when it was put aside, leave only now, after those of later changes: versions and the states of
/// reservations say what is older. Without `events` they never leave.
///
/// # Errors
/// Those of the database that may pass. Nothing was done then.
pub async fn replay(
    pool: &MySqlPool,
    shard: ShardId,
    id: u64,
    actor: &str,
    events: Option<&Events>,
) -> Result<Closed, sqlx::Error> {
    let mut transaction = database::begin(pool).await?;
    // The worker's transactions and this one come one after the other.
    let now = cursor::lock(&mut transaction, shard).await?;
    let letter = match open(&mut transaction, shard, id).await? {
        Ok(letter) => letter,
        Err(closed) => return Ok(closed),
    };
    let events = events.filter(|_| letter.events);
    let outlet = events.zip(now.as_ref()).map(|(events, now)| Outlet {
        events,
        lineage: &now.lineage,
    });
    let written = match changes(&letter) {
        Ok(changes) => {
            let plan = Plan::of(&changes);
            write::write(&mut transaction, shard, &plan, Mode::Late, outlet)
                .await
                .map(|_| ())
        }
        Err(reason) => Err(sqlx::Error::Decode(reason.into())),
    };
    match written {
        Ok(()) => {
            close(&mut transaction, id, DeadLetterStatus::Replayed, actor).await?;
            transaction.commit().await?;
            if let Some(events) = events {
                events.wake();
            }
            Ok(Closed::Done)
        }
        Err(error) if database::is_transient(&error) => Err(error),
        Err(error) => {
            transaction.rollback().await?;
            let reason = reason(&error.to_string());
            sqlx::query("UPDATE dead_letter SET tries = tries + 1, reason = ? WHERE id = ?")
                .bind(&reason)
                .bind(id)
                .execute(pool)
                .await?;
            Ok(Closed::Refused(reason))
        }
    }
}

/// The changes to replay: one, or all of an entry that could not be read and now can.
fn changes(letter: &DeadLetter) -> Result<Vec<super::rows::ChangeRows>, String> {
    let raw = RawEntry::from_payload(&letter.payload)?;
    let Content::Changes { mut changes, .. } = batch::content(&raw)? else {
        return Ok(Vec::new());
    };
    if let Some(item) = letter.item {
        changes.retain(|change| change.item == item);
    }
    Ok(changes)
}

/// Drops a dead letter: its change stays out of the tables.
///
/// # Errors
/// Those of the database.
pub async fn discard(
    pool: &MySqlPool,
    shard: ShardId,
    id: u64,
    actor: &str,
) -> Result<Closed, sqlx::Error> {
    let mut transaction = database::begin(pool).await?;
    match open(&mut transaction, shard, id).await? {
        Ok(_) => {
            close(&mut transaction, id, DeadLetterStatus::Discarded, actor).await?;
            transaction.commit().await?;
            Ok(Closed::Done)
        }
        Err(closed) => Ok(closed),
    }
}

/// A dead letter that is open, locked.
async fn open(
    connection: &mut MySqlConnection,
    shard: ShardId,
    id: u64,
) -> Result<Result<DeadLetter, Closed>, sqlx::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM dead_letter WHERE source = ? AND shard = ? AND id = ? FOR UPDATE"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(SOURCE)
        .bind(shard_number(shard))
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(match row.as_ref().map(read).transpose()? {
        None => Err(Closed::Unknown),
        Some(letter) if letter.status == DeadLetterStatus::Open => Ok(letter),
        Some(letter) => Err(Closed::Before(letter.status)),
    })
}

async fn close(
    connection: &mut MySqlConnection,
    id: u64,
    status: DeadLetterStatus,
    actor: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE dead_letter SET status = ?, closed_at = NOW(3), closed_by = LEFT(?, 128) WHERE id = ?",
    )
    .bind(status.as_str())
    .bind(actor)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a change aside, or (without `item`) an entry that cannot be read. `events`: whether the
/// projection writes events.
///
/// # Errors
/// Those of the database.
pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    shard: ShardId,
    entry: &RawEntry,
    item: Option<u32>,
    why: &str,
    events: bool,
) -> Result<(), sqlx::Error> {
    let tries = match item {
        Some(_) => APPLY_TRIES_MAX,
        None => 1,
    };
    sqlx::query(
        "INSERT INTO dead_letter
           (source, shard, epoch, n, item, reason, payload, tries, events, status, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'OPEN', NOW(3))",
    )
    .bind(SOURCE)
    .bind(shard_number(shard))
    .bind(entry.id.epoch.0)
    .bind(entry.id.n)
    .bind(item.map_or(-1, i64::from))
    .bind(reason(why))
    .bind(entry.payload())
    .bind(tries)
    .bind(events)
    .execute(connection)
    .await?;
    Ok(())
}

fn reason(why: &str) -> String {
    why.chars().take(DEAD_LETTER_REASON_MAX).collect()
}
