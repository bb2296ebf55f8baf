//! Where a transaction begins.

use sqlx::{MySql, MySqlPool, Transaction};
use tracing::Instrument;

/// Begins a transaction, in a task of its own: whoever asks for one and goes away meanwhile (a client
/// that hangs up, a time limit, a stop) leaves no open transaction behind.
///
/// [`sqlx::Pool::begin`] does: up to 0.9.0 it takes note of a `BEGIN` when that is answered, so dropped
/// in between it puts the connection back without a `ROLLBACK`. Whoever gets it next reads what was
/// there long ago, and what he writes is committed when somebody else begins, or never
/// (<https://github.com/launchbadge/sqlx/issues/4385>).
///
/// # Errors
/// Those of the database.
pub async fn begin(pool: &MySqlPool) -> Result<Transaction<'static, MySql>, sqlx::Error> {
    begin_with(pool, "BEGIN").await
}

/// Begins a transaction by other statements, the last of which is `BEGIN` or `START TRANSACTION`, as
/// [`begin`] does.
///
/// # Errors
/// Those of the database.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub async fn begin_with(
    pool: &MySqlPool,
    statements: &'static str,
) -> Result<Transaction<'static, MySql>, sqlx::Error> {
    let pool = pool.clone();
    let begun = async move { pool.begin_with(statements).await };
    match tokio::spawn(begun.in_current_span()).await {
        Ok(begun) => begun,
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        // The runtime ends.
        Err(_) => Err(sqlx::Error::WorkerCrashed),
    }
}
