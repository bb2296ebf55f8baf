//! What an `Idempotency-Key` stands for.

use service_kit::db;
use sqlx::MySqlConnection;

use crate::{error::Error, refusal::Refusal};

/// A key and the request it came with. The request is everything that must be the same when the key
/// is used again; it is kept as a hash.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) user_id: String,
    pub(crate) key: String,
    pub(crate) request: String,
}

/// Which order came of it before; `None` when the key is new.
///
/// # Errors
/// [`Refusal::IdempotencyMismatch`] when it came with another request.
pub(crate) async fn find(
    connection: &mut MySqlConnection,
    key: &Key,
) -> Result<Option<String>, Error> {
    let found: Option<(String, bool)> = sqlx::query_as(
        "SELECT order_id, request_hash = UNHEX(SHA2(?, 256)) FROM order_idempotency
         WHERE user_id = ? AND idempotency_key = ?",
    )
    .bind(&key.request)
    .bind(&key.user_id)
    .bind(&key.key)
    .fetch_optional(connection)
    .await?;
    match found {
        None => Ok(None),
        Some((order_id, true)) => Ok(Some(order_id)),
        Some((_, false)) => Err(Refusal::IdempotencyMismatch.into()),
    }
}

/// Takes the key in the caller's transaction, waiting for who takes it at the same time. Whether it
/// was free.
pub(crate) async fn take(
    connection: &mut MySqlConnection,
    key: &Key,
    order_id: &str,
    now_ms: i64,
) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query(
        "INSERT INTO order_idempotency
           (user_id, idempotency_key, request_hash, order_id, created_at_ms)
         VALUES (?, ?, UNHEX(SHA2(?, 256)), ?, ?)",
    )
    .bind(&key.user_id)
    .bind(&key.key)
    .bind(&key.request)
    .bind(order_id)
    .bind(now_ms)
    .execute(connection)
    .await;
    match taken {
        Ok(_) => Ok(true),
        Err(error) if db::is_duplicate_key(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forgets keys that are older, a bounded number of them. How many.
pub(crate) async fn purge(
    connection: &mut MySqlConnection,
    before_ms: i64,
) -> Result<u64, sqlx::Error> {
    let purged = sqlx::query(
        "DELETE FROM order_idempotency WHERE created_at_ms < ? ORDER BY created_at_ms LIMIT 1000",
    )
    .bind(before_ms)
    .execute(connection)
    .await?;
    Ok(purged.rows_affected())
}
