//! The loop of background work: claim what is due, do it, look again.

use std::{future::Future, time::Duration};

use service_kit::{
    clock,
    telemetry::{self, Cause},
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::{
    limits::ms,
    payments::Payments,
    store::{self, Due, claim},
};

/// After the database did not answer.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Does what is due until `stop`; what was begun by then is finished. `work` gets the keys of a row.
pub(crate) async fn run<W, A>(
    payments: Payments,
    what: Due,
    wake: impl Fn(&Payments) -> &Notify,
    work: W,
    stop: CancellationToken,
) where
    W: Fn(Payments, (String, String, String)) -> A,
    A: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let calls_max = usize::try_from(payments.limits.calls_max).unwrap_or(usize::MAX);
    while !stop.is_cancelled() {
        let free = calls_max.saturating_sub(tasks.len());
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        let now_ms = clock::unix_ms();
        let until_ms = now_ms.saturating_add(ms(payments.limits.lease()));
        let pause = match claim(&payments.pool, what, now_ms, until_ms, free).await {
            Ok(rows) => {
                for row in rows {
                    let span = span(&payments, what, &row).await;
                    tasks.spawn(work(payments.clone(), row).instrument(span));
                }
                payments.limits.poll
            }
            Err(error) => {
                tracing::warn!(%error, ?what, "cannot look for what is due");
                DATABASE_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = wake(&payments).notified() => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, ?what, "background work failed; it is due again later");
                }
            }
            () = stop.cancelled() => {}
        }
        // A place is free while all are taken: claiming nothing over and over helps nobody.
        while tasks.len() >= calls_max && !stop.is_cancelled() {
            tokio::select! {
                _ = tasks.join_next() => {}
                () = stop.cancelled() => {}
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// The order's, in the trace of what asked for the payment or the refund.
async fn span(payments: &Payments, what: Due, row: &(String, String, String)) -> Span {
    let cause = store::cause(&payments.pool, what, row).await;
    let (cause_id, traceparent) = cause.unwrap_or_else(|error| {
        tracing::warn!(%error, order_id = row.0, "the cause of work that is due");
        (None, None)
    });
    let cause = Cause {
        correlation_id: Some(&row.0),
        causation_id: cause_id.as_deref(),
        traceparent: traceparent.as_deref(),
    };
    telemetry::task_span(what.name(), cause).0
}
