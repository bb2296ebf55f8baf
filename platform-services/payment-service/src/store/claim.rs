//! Work that is due: taken by one replica at a time, in a transaction that ends before the work begins.

use service_kit::db;
use sqlx::MySqlPool;

/// What may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// The gateway is to be asked about a payment.
    Look,
    /// A hold is to be extended.
    Extend,
    /// A refund is to be tried.
    Refund,
}

impl Due {
    /// In logs and spans.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Extend => "extend",
            Self::Refund => "refund",
        }
    }
}

/// The event or request that asked for the payment or the refund with these keys, and its trace.
pub(crate) async fn cause(
    pool: &MySqlPool,
    what: Due,
    keys: &(String, String, String),
) -> Result<(Option<String>, Option<String>), sqlx::Error> {
    let select = match what {
        Due::Look | Due::Extend => {
            "SELECT cause_id, traceparent FROM payment WHERE order_id = ? AND '' = ? AND '' = ?"
        }
        Due::Refund => {
            "SELECT cause_id, traceparent FROM payment_refund \
             WHERE order_id = ? AND kind = ? AND refund_id = ?"
        }
    };
    let (order_id, kind, id) = keys;
    let found = sqlx::query_as(select).bind(order_id).bind(kind).bind(id);
    Ok(found.fetch_optional(pool).await?.unwrap_or_default())
}

/// The keys of up to `rows_max` rows that are due at `now_ms`, which nobody else gets before
/// `until_ms`: if this process dies, they are due again then. Keys are the order, and for refunds also
/// the kind and the id.
pub(crate) async fn claim(
    pool: &MySqlPool,
    what: Due,
    now_ms: i64,
    until_ms: i64,
    rows_max: u32,
) -> Result<Vec<(String, String, String)>, sqlx::Error> {
    let (select, update) = match what {
        Due::Look => (
            "SELECT order_id, '', '' FROM payment WHERE look_due_ms <= ? \
             ORDER BY look_due_ms LIMIT ? FOR UPDATE SKIP LOCKED",
            "UPDATE payment SET look_due_ms = ? WHERE order_id = ? AND '' = ? AND '' = ?",
        ),
        Due::Extend => (
            "SELECT order_id, '', '' FROM payment WHERE extend_due_ms <= ? \
             ORDER BY extend_due_ms LIMIT ? FOR UPDATE SKIP LOCKED",
            "UPDATE payment SET extend_due_ms = ? WHERE order_id = ? AND '' = ? AND '' = ?",
        ),
        Due::Refund => (
            "SELECT order_id, kind, refund_id FROM payment_refund WHERE due_ms <= ? \
             ORDER BY due_ms LIMIT ? FOR UPDATE SKIP LOCKED",
            "UPDATE payment_refund SET due_ms = ? WHERE order_id = ? AND kind = ? AND refund_id = ?",
        ),
    };
    let mut transaction = db::begin(pool).await?;
    let rows: Vec<(String, String, String)> = sqlx::query_as(select)
        .bind(now_ms)
        .bind(rows_max)
        .fetch_all(&mut *transaction)
        .await?;
    for (order_id, kind, refund_id) in &rows {
        sqlx::query(update)
            .bind(until_ms)
            .bind(order_id)
            .bind(kind)
            .bind(refund_id)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(rows)
}
