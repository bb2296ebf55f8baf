use sqlx::{MySqlConnection, MySqlPool};

use super::lock;
use crate::state::State;

/// Remembers a hold of an order that is not heard of yet.
pub(crate) async fn keep_hold(
    connection: &mut MySqlConnection,
    order_id: &str,
    reservation_id: &str,
    expires_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO payment_hold (order_id, reservation_id, expires_ms) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE expires_ms = GREATEST(payment_hold.expires_ms, ?)",
    )
    .bind(order_id)
    .bind(reservation_id)
    .bind(expires_ms)
    .bind(expires_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// When the hold of an order that was remembered ends.
pub(crate) async fn hold(
    connection: &mut MySqlConnection,
    order_id: &str,
    reservation_id: &str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT expires_ms FROM payment_hold WHERE order_id = ? AND reservation_id = ?",
    )
    .bind(order_id)
    .bind(reservation_id)
    .fetch_optional(connection)
    .await
}

/// Orders with a hold that expired before `before_ms`, up to `rows_max`, the oldest hold first; not those
/// whose payment is under way.
pub(crate) async fn stale_holds(
    pool: &MySqlPool,
    before_ms: i64,
    rows_max: u32,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT payment_hold.order_id FROM payment_hold JOIN payment USING (order_id) \
         WHERE payment_hold.expires_ms < ? \
         AND NOT (payment.state IN ('READY', 'UNKNOWN') \
             OR (payment.state = 'AWAITING' AND payment.amount IS NOT NULL)) \
         ORDER BY payment_hold.expires_ms LIMIT ?",
    )
    .bind(before_ms)
    .bind(rows_max)
    .fetch_all(pool)
    .await
}

/// Takes away an order's holds that expired before `before_ms`, and its payment where that is all that
/// was ever heard of it.
pub(crate) async fn forget_holds(
    connection: &mut MySqlConnection,
    order_id: &str,
    before_ms: i64,
) -> Result<(), sqlx::Error> {
    let Some(payment) = lock(connection, order_id).await? else {
        return Ok(());
    };
    let is_order_known = payment.amount.is_some();
    let is_under_way = match payment.state {
        State::Awaiting => is_order_known,
        State::Ready | State::Unknown => true,
        State::Approved
        | State::PartiallyCancelled
        | State::Cancelled
        | State::Failed
        | State::Closed => false,
    };
    if is_under_way {
        return Ok(());
    }
    sqlx::query("DELETE FROM payment_hold WHERE order_id = ? AND expires_ms < ?")
        .bind(order_id)
        .bind(before_ms)
        .execute(&mut *connection)
        .await?;
    if payment.state == State::Awaiting {
        sqlx::query(
            "DELETE FROM payment WHERE order_id = ? \
             AND NOT EXISTS (SELECT 1 FROM payment_hold WHERE payment_hold.order_id = ?) \
             AND NOT EXISTS (SELECT 1 FROM payment_refund WHERE payment_refund.order_id = ?)",
        )
        .bind(order_id)
        .bind(order_id)
        .bind(order_id)
        .execute(connection)
        .await?;
    }
    Ok(())
}
