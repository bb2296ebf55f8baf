use contracts::Amount;
use service_kit::clock;
use sqlx::{FromRow, MySqlConnection, MySqlPool};

/// Who wants the money back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `order.cancelled`: all that is left.
    OrderCancelled,
    /// `order.refund.requested`.
    OrderRefund,
    /// Somebody at `POST /api/payments/{id}/cancel`.
    Direct,
    /// Nobody: the gateway took it for a payment that had ended.
    Stray,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::OrderCancelled,
        Self::OrderRefund,
        Self::Direct,
        Self::Stray,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OrderCancelled => "ORDER_CANCELLED",
            Self::OrderRefund => "ORDER_REFUND",
            Self::Direct => "DIRECT",
            Self::Stray => "STRAY",
        }
    }
}

/// How a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    /// It is tried until it is done.
    Open,
    /// The money went back.
    Done,
    /// It never will be: there is nothing to pay back, or whoever asked was told no.
    Refused,
}

impl Status {
    const ALL: [Self; 3] = [Self::Open, Self::Done, Self::Refused];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }
}

macro_rules! from_column {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                Self::ALL
                    .into_iter()
                    .find(|value| value.name() == text)
                    .ok_or_else(|| format!("{text:?} is none"))
            }
        }
    };
}
from_column!(Kind);
from_column!(Status);

/// A refund's row. Moments are in ms since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Refund {
    pub(crate) order_id: String,
    #[sqlx(try_from = "String")]
    pub(crate) kind: Kind,
    pub(crate) refund_id: String,
    #[sqlx(try_from = "String")]
    pub(crate) status: Status,
    pub(crate) requested_amount: Option<Amount>,
    pub(crate) amount: Option<Amount>,
    pub(crate) payment_key: Option<String>,
    pub(crate) reason: String,
    pub(crate) reservation_id: Option<String>,
    pub(crate) items: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) transaction_id: Option<String>,
    pub(crate) tries: u32,
    pub(crate) refusals: u32,
    pub(crate) last_error: Option<String>,
    pub(crate) due_ms: Option<i64>,
    pub(crate) cause_id: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) done_ms: Option<i64>,
}

impl Refund {
    /// One that is due at once.
    pub(crate) fn new(order_id: &str, kind: Kind, refund_id: &str, reason: String) -> Self {
        let now_ms = clock::unix_ms();
        Self {
            order_id: order_id.to_owned(),
            kind,
            refund_id: refund_id.to_owned(),
            status: Status::Open,
            requested_amount: None,
            amount: None,
            payment_key: None,
            reason,
            reservation_id: None,
            items: None,
            call_id: None,
            transaction_id: None,
            tries: 0,
            refusals: 0,
            last_error: None,
            due_ms: Some(now_ms),
            cause_id: None,
            traceparent: None,
            created_ms: now_ms,
            done_ms: None,
        }
    }

    /// What its cancel at the gateway is known by: the end of the reason.
    pub(crate) fn marker(&self) -> String {
        match self.kind {
            Kind::OrderCancelled => "[order cancelled]".to_owned(),
            Kind::OrderRefund => format!("[refund {}]", self.refund_id),
            Kind::Direct => format!("[direct {}]", self.refund_id),
            Kind::Stray => "[stray]".to_owned(),
        }
    }
}

const LOCK: &str = "SELECT * FROM payment_refund \
     WHERE order_id = ? AND kind = ? AND refund_id = ? FOR UPDATE";

/// Locks a refund, if there is one. The payment is locked before.
pub(crate) async fn lock_refund(
    connection: &mut MySqlConnection,
    order_id: &str,
    kind: Kind,
    refund_id: &str,
) -> Result<Option<Refund>, sqlx::Error> {
    sqlx::query_as(LOCK)
        .bind(order_id)
        .bind(kind.name())
        .bind(refund_id)
        .fetch_optional(connection)
        .await
}

/// The last direct refund of this amount for this reason that was asked for since `since_ms`, unless it
/// was refused. The payment is locked.
pub(crate) async fn same_cancel(
    connection: &mut MySqlConnection,
    order_id: &str,
    amount: Amount,
    reason: &str,
    since_ms: i64,
) -> Result<Option<Refund>, sqlx::Error> {
    let recent: Vec<Refund> = sqlx::query_as(
        "SELECT * FROM payment_refund WHERE order_id = ? AND kind = 'DIRECT' \
         AND status <> 'REFUSED' AND requested_amount = ? AND created_ms >= ? \
         ORDER BY created_ms DESC, refund_id",
    )
    .bind(order_id)
    .bind(amount)
    .bind(since_ms)
    .fetch_all(connection)
    .await?;
    // Not in SQL, where letters compare without case.
    Ok(recent.into_iter().find(|refund| refund.reason == reason))
}

/// Writes a refund unless there is one with its id. The payment is locked.
pub(crate) async fn write_refund(
    connection: &mut MySqlConnection,
    refund: &Refund,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO payment_refund (order_id, kind, refund_id, status, requested_amount, \
         payment_key, reason, reservation_id, items, due_ms, cause_id, traceparent, created_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE order_id = payment_refund.order_id",
    )
    .bind(&refund.order_id)
    .bind(refund.kind.name())
    .bind(&refund.refund_id)
    .bind(refund.status.name())
    .bind(refund.requested_amount)
    .bind(&refund.payment_key)
    .bind(&refund.reason)
    .bind(&refund.reservation_id)
    .bind(&refund.items)
    .bind(refund.due_ms)
    .bind(&refund.cause_id)
    .bind(&refund.traceparent)
    .bind(refund.created_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// Writes everything that can change of a refund that is locked.
pub(crate) async fn save_refund(
    connection: &mut MySqlConnection,
    refund: &Refund,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment_refund SET status = ?, amount = ?, call_id = ?, transaction_id = ?, \
         tries = ?, refusals = ?, last_error = ?, due_ms = ?, done_ms = ? \
         WHERE order_id = ? AND kind = ? AND refund_id = ?",
    )
    .bind(refund.status.name())
    .bind(refund.amount)
    .bind(&refund.call_id)
    .bind(&refund.transaction_id)
    .bind(refund.tries)
    .bind(refund.refusals)
    .bind(&refund.last_error)
    .bind(refund.due_ms)
    .bind(refund.done_ms)
    .bind(&refund.order_id)
    .bind(refund.kind.name())
    .bind(&refund.refund_id)
    .execute(connection)
    .await
    .map(drop)
}

/// Whether a call of another refund of this payment may be under way.
pub(crate) async fn has_call_of_another(
    connection: &mut MySqlConnection,
    refund: &Refund,
) -> Result<bool, sqlx::Error> {
    let calls: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM payment_refund WHERE order_id = ? AND call_id IS NOT NULL \
         AND NOT (kind = ? AND refund_id = ?)",
    )
    .bind(&refund.order_id)
    .bind(refund.kind.name())
    .bind(&refund.refund_id)
    .fetch_one(connection)
    .await?;
    Ok(calls > 0)
}

/// All refunds of an order's payment, the oldest first.
pub(crate) async fn refunds_of(
    pool: &MySqlPool,
    order_id: &str,
) -> Result<Vec<Refund>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM payment_refund WHERE order_id = ? ORDER BY created_ms, refund_id")
        .bind(order_id)
        .fetch_all(pool)
        .await
}
