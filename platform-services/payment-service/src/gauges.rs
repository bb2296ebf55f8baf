//! How many payments and refunds wait, and for how long: what alerts look at.

use std::time::Duration;

use service_kit::clock;
use tokio_util::sync::CancellationToken;

use crate::payments::Payments;

const PERIOD: Duration = Duration::from_secs(5);

/// Keeps the gauges right until `stop`.
pub(crate) async fn keep(payments: Payments, stop: CancellationToken) {
    loop {
        if let Err(error) = read(&payments).await {
            tracing::debug!(%error, "the gauges were not read");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn read(payments: &Payments) -> Result<(), sqlx::Error> {
    let metrics = &payments.metrics;
    let now_ms = clock::unix_ms();
    let age = |since_ms: Option<i64>| since_ms.map_or(0, |ms| now_ms.saturating_sub(ms) / 1000);
    let (unknown, oldest): (i64, Option<i64>) =
        sqlx::query_as("SELECT COUNT(*), MIN(attempted_ms) FROM payment WHERE state = 'UNKNOWN'")
            .fetch_one(&payments.pool)
            .await?;
    metrics.unknown.set(unknown);
    metrics.unknown_oldest.set(age(oldest));
    let (open, refused, oldest): (i64, i64, Option<i64>) = sqlx::query_as(
        "SELECT COUNT(*), COUNT(CASE WHEN refusals > 0 THEN 1 END), MIN(created_ms) \
         FROM payment_refund WHERE status = 'OPEN'",
    )
    .fetch_one(&payments.pool)
    .await?;
    metrics.refunds_open.set(open);
    metrics.refunds_refused_open.set(refused);
    metrics.refunds_oldest.set(age(oldest));
    Ok(())
}
