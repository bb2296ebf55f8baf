//! Takes away what nobody needs: remembered holds, a while after they expired, and payments that are
//! nothing but such a hold. Anybody can name an order that does not exist.

use service_kit::{clock, db};
use tokio_util::sync::CancellationToken;

use crate::{
    limits::ms,
    payments::Payments,
    store::{self, StoreError},
};

/// Sweeps now and then until `stop`.
pub(crate) async fn keep(payments: Payments, stop: CancellationToken) {
    loop {
        match sweep(&payments, &stop).await {
            Ok(0) => {}
            Ok(orders) => tracing::info!(orders, "expired holds were taken away"),
            Err(error) => tracing::warn!(%error, "expired holds were not taken away"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(payments.limits.sweep_every) => {}
        }
    }
}

/// Slice after slice until nothing is left; how many orders it was about.
async fn sweep(payments: &Payments, stop: &CancellationToken) -> Result<u64, StoreError> {
    let limits = &payments.limits;
    let before_ms = clock::unix_ms().saturating_sub(ms(limits.hold_keep));
    let mut swept = 0_u64;
    loop {
        let rows_max = limits.sweep_max;
        let orders = store::stale_holds(&payments.pool, before_ms, rows_max).await?;
        let is_last = orders.len() < usize::try_from(rows_max).unwrap_or(usize::MAX);
        for order_id in orders {
            if stop.is_cancelled() {
                return Ok(swept);
            }
            // One order at a time: nobody waits for more than a moment.
            let mut transaction = db::begin(&payments.pool).await?;
            store::forget_holds(&mut transaction, &order_id, before_ms).await?;
            transaction.commit().await?;
            swept = swept.saturating_add(1);
        }
        if is_last {
            return Ok(swept);
        }
    }
}
