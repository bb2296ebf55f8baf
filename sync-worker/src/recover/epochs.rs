use inventory_core::{Epoch, ShardId, TimestampMs};
use sqlx::{MySqlConnection, MySqlPool};

use super::{Epochs, Scene};
use crate::{cursor::shard_number, time};

impl Epochs {
    /// All epochs of a shard.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(pool: &MySqlPool, shard: ShardId) -> Result<Self, sqlx::Error> {
        let rows: Vec<(u64, Option<u64>)> =
            sqlx::query_as("SELECT epoch, last_n FROM journal_epoch WHERE shard = ?")
                .bind(shard_number(shard))
                .fetch_all(pool)
                .await?;
        let epochs = rows.into_iter();
        Ok(epochs.map(|(epoch, last)| (Epoch(epoch), last)).collect())
    }
}

/// Writes an epoch down. One that is known already stays as it is.
pub(super) async fn record(
    connection: &mut MySqlConnection,
    shard: ShardId,
    epoch: Epoch,
    at: TimestampMs,
    who: &str,
    why: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO journal_epoch (shard, epoch, issued_at, issued_by, why)
         VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE epoch = VALUES(epoch)",
    )
    .bind(shard_number(shard))
    .bind(epoch.0)
    .bind(time::sql(at))
    .bind(clip(who, 128))
    .bind(clip(why, 256))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down an epoch that Redis is in and MariaDB does not know.
pub(super) async fn found(
    connection: &mut MySqlConnection,
    scene: &Scene,
    epoch: Epoch,
    at: TimestampMs,
) -> Result<(), sqlx::Error> {
    let why = "found in Redis";
    record(connection, scene.shard, epoch, at, &scene.who, why).await
}

/// Forgets where epochs ended. The audit log has not all of what came since: whoever comes back from
/// there cannot be helped with what changed after it, and is filled from nothing.
pub(super) async fn forget_ends(
    connection: &mut MySqlConnection,
    shard: ShardId,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE journal_epoch SET last_n = NULL WHERE shard = ?")
        .bind(shard_number(shard))
        .execute(connection)
        .await?;
    Ok(())
}

/// The first characters of a text, as many as its column takes.
pub(super) fn clip(text: &str, max: usize) -> &str {
    match text.char_indices().nth(max) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(clip("naïve", 3), "naï");
        assert_eq!(clip("naïve", 5), "naïve");
    }
}
