use contracts::Amount;
use service_kit::{clock, ids};
use sqlx::{FromRow, MySqlConnection, MySqlPool};

use super::StoreError;
use crate::state::{NoState, State};

/// A payment's row. Moments are in ms since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Payment {
    pub(crate) order_id: String,
    pub(crate) payment_id: String,
    #[sqlx(try_from = "String")]
    pub(crate) state: State,
    pub(crate) user_id: Option<String>,
    pub(crate) amount: Option<Amount>,
    pub(crate) currency: Option<String>,
    pub(crate) reservation_id: Option<String>,
    pub(crate) hold_expires_ms: Option<i64>,
    pub(crate) order_cancelled: bool,
    pub(crate) cancelled_amount: Amount,
    pub(crate) payment_key: Option<String>,
    pub(crate) attempt_id: Option<String>,
    pub(crate) attempted_ms: Option<i64>,
    pub(crate) transaction_id: Option<String>,
    pub(crate) gateway_code: Option<String>,
    pub(crate) look_due_ms: Option<i64>,
    pub(crate) looked_ms: Option<i64>,
    pub(crate) looks: u32,
    pub(crate) extend_due_ms: Option<i64>,
    pub(crate) cause_id: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) approved_ms: Option<i64>,
}

impl TryFrom<String> for State {
    type Error = NoState;

    fn try_from(text: String) -> Result<Self, NoState> {
        text.parse()
    }
}

impl Payment {
    /// What the gateway still has of it.
    pub(crate) fn balance(&self) -> Amount {
        self.amount
            .unwrap_or_default()
            .saturating_sub(self.cancelled_amount)
    }

    /// Whether somebody was told of it: there was an order, and a hold.
    pub(crate) fn is_known(&self) -> bool {
        self.amount.is_some() && self.hold_expires_ms.is_some() && self.state != State::Awaiting
    }
}

const BY_ORDER: &str = "SELECT * FROM payment WHERE order_id = ?";
const LOCK: &str = "SELECT * FROM payment WHERE order_id = ? FOR UPDATE";

/// The payment of an order, as it was a moment ago.
pub(crate) async fn by_order(
    pool: &MySqlPool,
    order_id: &str,
) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as(BY_ORDER)
        .bind(order_id)
        .fetch_optional(pool)
        .await
}

/// A payment by its own id.
pub(crate) async fn by_id(
    pool: &MySqlPool,
    payment_id: &str,
) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM payment WHERE payment_id = ?")
        .bind(payment_id)
        .fetch_optional(pool)
        .await
}

/// Locks the payment of an order, if there is one.
pub(crate) async fn lock(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as(LOCK)
        .bind(order_id)
        .fetch_optional(connection)
        .await
}

/// Locks the payment of an order, and makes it first where there is none.
pub(crate) async fn lock_or_create(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Payment, StoreError> {
    let now_ms = clock::unix_ms();
    sqlx::query(
        "INSERT INTO payment (order_id, payment_id, state, created_ms, updated_ms) \
         VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE order_id = payment.order_id",
    )
    .bind(order_id)
    .bind(ids::uuid())
    .bind(State::Awaiting.name())
    .bind(now_ms)
    .bind(now_ms)
    .execute(&mut *connection)
    .await?;
    lock(connection, order_id)
        .await?
        .ok_or_else(|| StoreError::broken("the payment just made is not there"))
}

/// Writes everything that can change of a payment that is locked.
pub(crate) async fn save(
    connection: &mut MySqlConnection,
    payment: &Payment,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment SET state = ?, user_id = ?, amount = ?, currency = ?, reservation_id = ?, \
         hold_expires_ms = ?, order_cancelled = ?, cancelled_amount = ?, payment_key = ?, \
         attempt_id = ?, attempted_ms = ?, transaction_id = ?, gateway_code = ?, look_due_ms = ?, \
         looked_ms = ?, looks = ?, extend_due_ms = ?, cause_id = ?, traceparent = ?, \
         approved_ms = ?, updated_ms = ? WHERE order_id = ?",
    )
    .bind(payment.state.name())
    .bind(&payment.user_id)
    .bind(payment.amount)
    .bind(&payment.currency)
    .bind(&payment.reservation_id)
    .bind(payment.hold_expires_ms)
    .bind(payment.order_cancelled)
    .bind(payment.cancelled_amount)
    .bind(&payment.payment_key)
    .bind(&payment.attempt_id)
    .bind(payment.attempted_ms)
    .bind(&payment.transaction_id)
    .bind(&payment.gateway_code)
    .bind(payment.look_due_ms)
    .bind(payment.looked_ms)
    .bind(payment.looks)
    .bind(payment.extend_due_ms)
    .bind(&payment.cause_id)
    .bind(&payment.traceparent)
    .bind(payment.approved_ms)
    .bind(clock::unix_ms())
    .bind(&payment.order_id)
    .execute(connection)
    .await
    .map(drop)
}

/// An attempt to take the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) attempt_id: String,
    pub(crate) order_id: String,
    pub(crate) payment_key: String,
    pub(crate) amount: Amount,
    pub(crate) started_ms: i64,
}

/// Writes that the gateway is going to be asked.
pub(crate) async fn write_attempt(
    connection: &mut MySqlConnection,
    attempt: &Attempt,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO payment_attempt (attempt_id, order_id, payment_key, amount, started_ms) \
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&attempt.attempt_id)
    .bind(&attempt.order_id)
    .bind(&attempt.payment_key)
    .bind(attempt.amount)
    .bind(attempt.started_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// Writes what came of an attempt; the last word counts.
pub(crate) async fn end_attempt(
    connection: &mut MySqlConnection,
    attempt_id: &str,
    outcome: &str,
    gateway_code: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment_attempt SET outcome = ?, gateway_code = ?, ended_ms = ? WHERE attempt_id = ?",
    )
    .bind(outcome)
    .bind(gateway_code)
    .bind(clock::unix_ms())
    .bind(attempt_id)
    .execute(connection)
    .await
    .map(drop)
}
