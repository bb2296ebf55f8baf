use sqlx::{FromRow, MySqlConnection, mysql::MySqlRow};

use crate::{
    domain::{CancelReason, State, Status},
    error::Error,
};

/// A row of `orders`.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) order_no: String,
    pub(crate) user_id: String,
    pub(crate) status: Status,
    pub(crate) cancel_reason: Option<CancelReason>,
    pub(crate) cancel_detail: Option<String>,
    pub(crate) shortages: Option<String>,
    pub(crate) reservation_id: String,
    pub(crate) own_hold: bool,
    pub(crate) sold_early: bool,
    pub(crate) payment_id: Option<String>,
    pub(crate) total_amount: i64,
    pub(crate) refunded_amount: i64,
    pub(crate) currency: String,
    pub(crate) line_count: u32,
    pub(crate) units: u64,
    pub(crate) units_refunded: u64,
    pub(crate) shipping_address: String,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
    pub(crate) check_at_ms: Option<i64>,
    pub(crate) step_at_ms: i64,
    pub(crate) redrives: u32,
}

impl Order {
    pub(crate) fn state(&self) -> State {
        State {
            status: self.status,
            sold_early: self.sold_early,
            total_amount: self.total_amount,
            refunded_amount: self.refunded_amount,
            units: self.units,
            units_refunded: self.units_refunded,
        }
    }
}

impl FromRow<'_, MySqlRow> for Order {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row as _;
        let status: String = row.try_get("status")?;
        let reason: Option<String> = row.try_get("cancel_reason")?;
        let unknown = |word: &str| sqlx::Error::Decode(format!("unknown word {word:?}").into());
        Ok(Self {
            order_id: row.try_get("order_id")?,
            order_no: row.try_get("order_no")?,
            user_id: row.try_get("user_id")?,
            status: Status::parse(&status).ok_or_else(|| unknown(&status))?,
            cancel_reason: match reason {
                None => None,
                Some(word) => Some(CancelReason::parse(&word).ok_or_else(|| unknown(&word))?),
            },
            cancel_detail: row.try_get("cancel_detail")?,
            shortages: row.try_get("shortages")?,
            reservation_id: row.try_get("reservation_id")?,
            own_hold: row.try_get("own_hold")?,
            sold_early: row.try_get("sold_early")?,
            payment_id: row.try_get("payment_id")?,
            total_amount: row.try_get("total_amount")?,
            refunded_amount: row.try_get("refunded_amount")?,
            currency: row.try_get("currency")?,
            line_count: row.try_get("line_count")?,
            units: row.try_get("units")?,
            units_refunded: row.try_get("units_refunded")?,
            shipping_address: row.try_get("shipping_address")?,
            created_at_ms: row.try_get("created_at_ms")?,
            updated_at_ms: row.try_get("updated_at_ms")?,
            check_at_ms: row.try_get("check_at_ms")?,
            step_at_ms: row.try_get("step_at_ms")?,
            redrives: row.try_get("redrives")?,
        })
    }
}

pub(crate) async fn read(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM orders WHERE order_id = ?")
        .bind(order_id)
        .fetch_optional(connection)
        .await
}

/// Reads the row and locks it until the transaction ends: whoever decides holds this lock.
pub(crate) async fn lock(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM orders WHERE order_id = ? FOR UPDATE")
        .bind(order_id)
        .fetch_optional(connection)
        .await
}

/// A user's orders, newest first, from below `before`.
pub(crate) async fn page(
    connection: &mut MySqlConnection,
    user_id: &str,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<Order>, sqlx::Error> {
    // `~` is above every id.
    sqlx::query_as(
        "SELECT * FROM orders WHERE user_id = ? AND order_id < ? ORDER BY order_id DESC LIMIT ?",
    )
    .bind(user_id)
    .bind(before.unwrap_or("~"))
    .bind(limit)
    .fetch_all(connection)
    .await
}

pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    order: &Order,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO orders
           (order_id, order_no, user_id, status, reservation_id, own_hold, total_amount, currency,
            line_count, units, shipping_address, created_at_ms, updated_at_ms, check_at_ms, step_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&order.order_id)
    .bind(&order.order_no)
    .bind(&order.user_id)
    .bind(order.status.word())
    .bind(&order.reservation_id)
    .bind(order.own_hold)
    .bind(order.total_amount)
    .bind(&order.currency)
    .bind(order.line_count)
    .bind(order.units)
    .bind(&order.shipping_address)
    .bind(order.created_at_ms)
    .bind(order.updated_at_ms)
    .bind(order.check_at_ms)
    .bind(order.step_at_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// Writes everything that can change. The row is locked.
pub(crate) async fn update(connection: &mut MySqlConnection, order: &Order) -> Result<(), Error> {
    let updated = sqlx::query(
        "UPDATE orders SET status = ?, cancel_reason = ?, cancel_detail = ?, shortages = ?,
            sold_early = ?, payment_id = ?, refunded_amount = ?, units_refunded = ?,
            updated_at_ms = ?, check_at_ms = ?, step_at_ms = ?, redrives = ?
         WHERE order_id = ?",
    )
    .bind(order.status.word())
    .bind(order.cancel_reason.map(CancelReason::word))
    .bind(&order.cancel_detail)
    .bind(&order.shortages)
    .bind(order.sold_early)
    .bind(&order.payment_id)
    .bind(order.refunded_amount)
    .bind(order.units_refunded)
    .bind(order.updated_at_ms)
    .bind(order.check_at_ms)
    .bind(order.step_at_ms)
    .bind(order.redrives)
    .bind(&order.order_id)
    .execute(connection)
    .await?;
    if updated.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::Corrupt(format!("no order {}", order.order_id)))
    }
}

/// The order that is due the longest, locked; passes over those that somebody else has locked.
pub(crate) async fn lock_due(
    connection: &mut MySqlConnection,
    now_ms: i64,
) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM orders WHERE check_at_ms <= ? ORDER BY check_at_ms LIMIT 1
         FOR UPDATE SKIP LOCKED",
    )
    .bind(now_ms)
    .fetch_optional(connection)
    .await
}

/// How many orders the watchdog has pushed and which have not moved since, by status.
pub(crate) async fn stuck(
    connection: &mut MySqlConnection,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT status, COUNT(*) FROM orders FORCE INDEX (orders_check)
         WHERE check_at_ms IS NOT NULL AND redrives > 0 GROUP BY status",
    )
    .fetch_all(connection)
    .await
}
