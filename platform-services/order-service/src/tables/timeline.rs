use sqlx::{FromRow, MySqlConnection};

use crate::domain::{CancelReason, Status};

/// A row of `order_timeline`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Step {
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) at_ms: i64,
}

pub(crate) async fn read(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Vec<Step>, sqlx::Error> {
    sqlx::query_as(
        "SELECT status, reason, at_ms FROM order_timeline WHERE order_id = ? ORDER BY seq",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await
}

pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    order_id: &str,
    status: Status,
    reason: Option<CancelReason>,
    at_ms: i64,
    cause: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO order_timeline (order_id, status, reason, at_ms, cause) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(order_id)
    .bind(status.word())
    .bind(reason.map(CancelReason::word))
    .bind(at_ms)
    .bind(cause)
    .execute(connection)
    .await
    .map(drop)
}
