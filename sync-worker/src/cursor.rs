//! The cursor row of a shard: how far the projection is, which epochs were issued, who owns it.

use inventory_core::{Epoch, JournalId, ShardId, TimestampMs};
use sqlx::{MySql, MySqlConnection, MySqlPool, Row, Transaction, mysql::MySqlRow};

use crate::{database, limits::LEASE};

/// What the projection is doing with the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorState {
    /// Row by row what the journal says.
    Following,
    /// Copied from Redis; entries up to the end of the copy are applied with guards.
    Resync,
    /// Known to be older than Redis, to be copied.
    Stale,
}

impl CursorState {
    /// As the column has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Following => "FOLLOWING",
            Self::Resync => "RESYNC",
            Self::Stale => "STALE",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Following, Self::Resync, Self::Stale]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// The cursor row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The lineage that the projection belongs to.
    pub lineage: String,
    /// The last entry applied.
    pub position: JournalId,
    /// Highest epoch ever issued.
    pub issued: Epoch,
    /// What the projection is doing.
    pub state: CursorState,
    /// While in [`CursorState::Resync`]: guards are needed up to this entry.
    pub guarded_to: Option<JournalId>,
    /// Counts owners: a transaction of an earlier one does not commit any more.
    pub token: u64,
    /// Who owns the shard.
    pub owner: Option<String>,
}

/// The position before the first entry of all.
pub const NOTHING: JournalId = JournalId {
    epoch: Epoch(0),
    n: 0,
};

impl Cursor {
    /// Whether nothing was ever applied.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.position == NOTHING
    }

    /// The last entry applied, if there is one.
    #[must_use]
    pub fn applied(&self) -> Option<JournalId> {
        (!self.is_new()).then_some(self.position)
    }
}

/// The columns of [`Cursor`], for statements that read one.
const COLUMNS: &str =
    "lineage, epoch, n, issued_epoch, state, resync_epoch, resync_n, token, owner";

fn cursor(row: &MySqlRow) -> Result<Cursor, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let guarded: (Option<u64>, Option<u64>) =
        (row.try_get("resync_epoch")?, row.try_get("resync_n")?);
    Ok(Cursor {
        lineage: row.try_get("lineage")?,
        position: JournalId {
            epoch: Epoch(row.try_get("epoch")?),
            n: row.try_get("n")?,
        },
        issued: Epoch(row.try_get("issued_epoch")?),
        state: CursorState::parse(&state)
            .ok_or_else(|| sqlx::Error::Decode(format!("cursor state {state:?}").into()))?,
        guarded_to: guarded.0.zip(guarded.1).map(|(epoch, n)| JournalId {
            epoch: Epoch(epoch),
            n,
        }),
        token: row.try_get("token")?,
        owner: row.try_get("owner")?,
    })
}

/// The row of a shard; none before a projection was first attached.
///
/// # Errors
/// Those of the database.
pub async fn read(pool: &MySqlPool, shard: ShardId) -> Result<Option<Cursor>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM journal_cursor WHERE shard = ?");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(shard_number(shard))
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(cursor).transpose()
}

/// The row of a shard, locked until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn lock(
    transaction: &mut Transaction<'_, MySql>,
    shard: ShardId,
) -> Result<Option<Cursor>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM journal_cursor WHERE shard = ? FOR UPDATE");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(shard_number(shard))
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(cursor).transpose()
}

/// Makes the row of a shard that has none yet; nobody owns it.
///
/// # Errors
/// Those of the database.
pub async fn insert(
    pool: &MySqlPool,
    shard: ShardId,
    lineage: &str,
    state: CursorState,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO journal_cursor
             (shard, lineage, epoch, n, entry_at, issued_epoch, state, token, updated_at)
         VALUES (?, ?, ?, ?, '1970-01-01', 0, ?, 0, NOW(3))
         ON DUPLICATE KEY UPDATE shard = shard",
    )
    .bind(shard_number(shard))
    .bind(lineage)
    .bind(NOTHING.epoch.0)
    .bind(NOTHING.n)
    .bind(state.as_str())
    .execute(pool)
    .await?;
    Ok(())
}

/// Begins a transaction that holds the row, if it still is as `expected`; `None`: it is not, so
/// look again.
///
/// # Errors
/// Those of the database.
pub async fn begin(
    pool: &MySqlPool,
    shard: ShardId,
    expected: &Cursor,
) -> Result<Option<Transaction<'static, MySql>>, sqlx::Error> {
    let mut transaction = database::begin(pool).await?;
    let found = lock(&mut transaction, shard).await?;
    Ok((found.as_ref() == Some(expected)).then_some(transaction))
}

/// Writes what `cursor` says over the row, but for owner and token, as a part of a transaction that
/// holds it.
///
/// # Errors
/// Those of the database.
pub async fn write(
    connection: &mut MySqlConnection,
    shard: ShardId,
    cursor: &Cursor,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE journal_cursor
         SET lineage = ?, epoch = ?, n = ?, issued_epoch = ?, state = ?, resync_epoch = ?,
             resync_n = ?, updated_at = NOW(3)
         WHERE shard = ?",
    )
    .bind(&cursor.lineage)
    .bind(cursor.position.epoch.0)
    .bind(cursor.position.n)
    .bind(cursor.issued.0)
    .bind(cursor.state.as_str())
    .bind(cursor.guarded_to.map(|id| id.epoch.0))
    .bind(cursor.guarded_to.map(|id| id.n))
    .bind(shard_number(shard))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes or keeps the lease of a shard that has a row. The token, if `owner` has it now.
///
/// A lease that ends later than any that is given out now is from before the database's clock stepped
/// back: it is taken too, or the shard would stand still until the clock is there again.
///
/// # Errors
/// Those of the database.
pub async fn lease(
    pool: &MySqlPool,
    shard: ShardId,
    owner: &str,
) -> Result<Option<u64>, sqlx::Error> {
    let mut transaction = database::begin(pool).await?;
    sqlx::query(
        "UPDATE journal_cursor
         SET token = IF(owner <=> ?, token, token + 1), owner = ?,
             lease_until = NOW(3) + INTERVAL ? MICROSECOND
         WHERE shard = ? AND (owner <=> ? OR owner IS NULL OR lease_until < NOW(3)
                              OR lease_until > NOW(3) + INTERVAL ? MICROSECOND)",
    )
    .bind(owner)
    .bind(owner)
    .bind(lease_micros())
    .bind(shard_number(shard))
    .bind(owner)
    .bind(lease_micros().saturating_mul(2))
    .execute(&mut *transaction)
    .await?;
    let now = lock(&mut transaction, shard).await?;
    transaction.commit().await?;
    Ok(now
        .filter(|cursor| cursor.owner.as_deref() == Some(owner))
        .map(|cursor| cursor.token))
}

/// Gives the lease back, so that another need not wait for its end.
///
/// # Errors
/// Those of the database.
pub async fn give_up(pool: &MySqlPool, shard: ShardId, owner: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE journal_cursor SET owner = NULL, lease_until = NULL WHERE shard = ? AND owner = ?",
    )
    .bind(shard_number(shard))
    .bind(owner)
    .execute(pool)
    .await?;
    Ok(())
}

/// Moves the cursor and renews the lease, as the last statement of an apply transaction that has
/// locked and compared the row.
///
/// # Errors
/// Those of the database.
pub async fn advance(
    connection: &mut MySqlConnection,
    shard: ShardId,
    to: JournalId,
    entry_at: TimestampMs,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE journal_cursor
         SET epoch = ?, n = ?, entry_at = ?,
             lease_until = IF(owner IS NULL, NULL, NOW(3) + INTERVAL ? MICROSECOND), updated_at = NOW(3)
         WHERE shard = ?",
    )
    .bind(to.epoch.0)
    .bind(to.n)
    .bind(crate::time::sql(entry_at))
    .bind(lease_micros())
    .bind(shard_number(shard))
    .execute(connection)
    .await?;
    Ok(())
}

/// The number under which the tables know a shard. One shard for now.
#[must_use]
pub const fn shard_number(_shard: ShardId) -> u16 {
    0
}

fn lease_micros() -> u64 {
    u64::try_from(LEASE.as_micros()).unwrap_or(u64::MAX)
}
