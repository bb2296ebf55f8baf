use sqlx::{FromRow, MySqlConnection};

use crate::domain::RefundLine;

/// Asked for; payment is at it.
pub(crate) const REQUESTED: &str = "REQUESTED";
/// Paid back.
pub(crate) const DONE: &str = "DONE";

/// A row of `order_refund`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Refund {
    pub(crate) refund_id: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) units: u64,
    pub(crate) reason: Option<String>,
    pub(crate) requested_at_ms: i64,
    pub(crate) done_at_ms: Option<i64>,
}

impl Refund {
    pub(crate) fn is_pending(&self) -> bool {
        self.status == REQUESTED
    }
}

/// A row of `order_refund_item`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct RefundItem {
    pub(crate) refund_id: String,
    pub(crate) sku_id: String,
    pub(crate) quantity: u32,
}

pub(crate) async fn read(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Vec<Refund>, sqlx::Error> {
    sqlx::query_as(
        "SELECT refund_id, status, amount, units, reason, requested_at_ms, done_at_ms
         FROM order_refund WHERE order_id = ? ORDER BY refund_id",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await
}

pub(crate) async fn read_items(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Vec<RefundItem>, sqlx::Error> {
    sqlx::query_as(
        "SELECT i.refund_id, i.sku_id, i.quantity FROM order_refund_item AS i
         JOIN order_refund AS r ON r.refund_id = i.refund_id
         WHERE r.order_id = ? ORDER BY i.refund_id, i.sku_id",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await
}

pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    order_id: &str,
    refund: &Refund,
    lines: &[RefundLine],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO order_refund (refund_id, order_id, status, amount, units, reason, requested_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&refund.refund_id)
    .bind(order_id)
    .bind(&refund.status)
    .bind(refund.amount)
    .bind(refund.units)
    .bind(&refund.reason)
    .bind(refund.requested_at_ms)
    .execute(&mut *connection)
    .await?;
    for line in lines {
        sqlx::query("INSERT INTO order_refund_item (refund_id, sku_id, quantity) VALUES (?, ?, ?)")
            .bind(&refund.refund_id)
            .bind(&line.sku_id)
            .bind(line.quantity)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(crate) async fn done(
    connection: &mut MySqlConnection,
    refund_id: &str,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE order_refund SET status = ?, done_at_ms = ? WHERE refund_id = ?")
        .bind(DONE)
        .bind(now_ms)
        .bind(refund_id)
        .execute(connection)
        .await
        .map(drop)
}
