//! Keeps the goods of a payment whose outcome is not known: the hold is extended, for half an hour at
//! most. After that it may expire; the order is cancelled then, and a late approval paid back.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use service_kit::{client::ClientError, clock, telemetry};
use tracing::Span;

use crate::{
    limits::ms,
    payments::Payments,
    state::State,
    store::{self, Payment, StoreError},
};

/// When inventory did not answer.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    expires_at: contracts::Timestamp,
}

/// Extends the hold of one payment that was claimed, if it needs to be.
pub(crate) async fn extend(payments: Payments, row: (String, String, String)) {
    let (order_id, _, _) = row;
    if let Err(error) = extend_one(&payments, &order_id).await {
        tracing::warn!(%error, order_id, "extending a hold; it is tried again later");
    }
}

async fn extend_one(payments: &Payments, order_id: &str) -> Result<(), StoreError> {
    let Some(payment) = store::by_order(&payments.pool, order_id).await? else {
        return Ok(());
    };
    let limits = &payments.limits;
    let now_ms = clock::unix_ms();
    let end_ms = payment
        .attempted_ms
        .unwrap_or_default()
        .saturating_add(ms(limits.extend_max));
    let reservation_id = payment
        .reservation_id
        .as_deref()
        .filter(|_| payment.state == State::Unknown && now_ms < end_ms);
    let Some(reservation_id) = reservation_id else {
        return note(payments, &payment, None, None).await;
    };
    let until_ms = now_ms.saturating_add(ms(limits.extend_to)).min(end_ms);
    let every_ms = now_ms.saturating_add(ms(limits.extend_every));
    // An extension sets the deadline: it must not come sooner by it.
    if payment.hold_expires_ms.is_some_and(|at| at >= until_ms) {
        return note(payments, &payment, None, Some(every_ms)).await;
    }
    let ttl_seconds = until_ms.saturating_sub(now_ms).saturating_add(999) / 1000;
    let traceparent =
        telemetry::traceparent(&Span::current()).or_else(|| payment.traceparent.clone());
    let call = payments
        .inventory
        .post(&format!("/api/reservations/{reservation_id}/extend"))
        .json(&json!({"ttlSeconds": ttl_seconds}))
        .idempotent()
        .caused_by(payment.cause_id.as_deref(), traceparent.as_deref());
    match call.fetch::<Held>().await {
        Ok(held) => {
            payments.metrics.extension("extended");
            let expires_ms = held.expires_at.unix_ms();
            note(payments, &payment, Some(expires_ms), Some(every_ms)).await
        }
        Err(error @ ClientError::Refused { .. })
            if !matches!(error.status(), Some(401 | 403 | 429)) =>
        {
            // It is released, expired or sold: there is nothing to keep.
            payments.metrics.extension("refused");
            tracing::warn!(%error, order_id, reservation_id, "the hold cannot be extended");
            note(payments, &payment, None, None).await
        }
        Err(error) => {
            payments.metrics.extension("unavailable");
            tracing::warn!(%error, order_id, reservation_id, "the hold was not extended");
            let soon_ms = now_ms.saturating_add(ms(RETRY.min(limits.extend_every)));
            note(payments, &payment, None, Some(soon_ms)).await
        }
    }
}

async fn note(
    payments: &Payments,
    payment: &Payment,
    expires_ms: Option<i64>,
    due_ms: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE payment SET hold_expires_ms = COALESCE(?, hold_expires_ms), extend_due_ms = ? \
         WHERE order_id = ? AND state = ?",
    )
    .bind(expires_ms)
    .bind(due_ms)
    .bind(&payment.order_id)
    .bind(payment.state.name())
    .execute(&payments.pool)
    .await?;
    Ok(())
}
