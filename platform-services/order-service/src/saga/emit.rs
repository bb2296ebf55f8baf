use contracts::{Envelope, EventData, Timestamp, order as events};
use service_kit::{consumer::Event, http::RequestContext, ids, outbox::Outbox, telemetry};
use sqlx::MySqlConnection;
use tracing::Span;

use crate::{
    error::Error,
    tables::{items::Item, orders::Order, refunds},
};

/// What brought something about: an event, a request, or the watchdog.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) id: String,
    pub(crate) traceparent: Option<String>,
}

impl Cause {
    pub(crate) fn event(event: &Event<'_>) -> Self {
        Self {
            id: event.id().to_owned(),
            traceparent: event.envelope().traceparent.clone(),
        }
    }

    pub(crate) fn request(context: &RequestContext) -> Self {
        Self {
            id: context.request_id.clone(),
            traceparent: context.traceparent.clone(),
        }
    }

    /// A look of the watchdog at an order, with an id that the log has too, and its span.
    pub(crate) fn watchdog(order_id: &str) -> (Self, Span) {
        let id = format!("watchdog-{}", ids::uuid());
        let cause = telemetry::Cause {
            correlation_id: Some(order_id),
            causation_id: Some(&id),
            traceparent: None,
        };
        let (span, traceparent) = telemetry::task_span("watchdog", cause);
        let traceparent = Some(traceparent);
        (Self { id, traceparent }, span)
    }
}

/// Writes the order's events. A command said again has another event id; who takes it knows it by
/// its key (`reserve:<orderId>` and so on), so that saying it again is safe.
#[derive(Debug, Clone)]
pub(crate) struct Emitter {
    outbox: Outbox,
}

impl Emitter {
    pub(crate) const fn new(outbox: Outbox) -> Self {
        Self { outbox }
    }

    pub(crate) async fn placed(
        &self,
        connection: &mut MySqlConnection,
        order: &Order,
        items: &[Item],
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let item = |item: &Item| events::PricedItem {
            sku_id: item.sku_id.clone(),
            quantity: i64::from(item.quantity),
            unit_price: item.unit_price,
        };
        let data = events::Placed {
            order_id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            reservation_id: order.own_hold.then(|| order.reservation_id.clone()),
            items: items.iter().map(item).collect(),
            total_amount: order.total_amount,
            currency: order.currency.clone(),
        };
        self.write(connection, order, data, cause, now_ms).await
    }

    pub(crate) async fn confirmed(
        &self,
        connection: &mut MySqlConnection,
        order: &Order,
        items: &[Item],
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let data = events::Confirmed {
            order_id: order.order_id.clone(),
            reservation_id: order.reservation_id.clone(),
            items: ordered(items),
        };
        self.write(connection, order, data, cause, now_ms).await
    }

    pub(crate) async fn cancelled(
        &self,
        connection: &mut MySqlConnection,
        order: &Order,
        items: &[Item],
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let data = events::Cancelled {
            order_id: order.order_id.clone(),
            reservation_id: order.reservation_id.clone(),
            items: ordered(items),
            reason: order.cancel_reason.map(|reason| reason.word().to_owned()),
        };
        self.write(connection, order, data, cause, now_ms).await
    }

    pub(crate) async fn refund_requested(
        &self,
        connection: &mut MySqlConnection,
        order: &Order,
        refund: &refunds::Refund,
        lines: Vec<events::Item>,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let data = events::RefundRequested {
            order_id: order.order_id.clone(),
            reservation_id: order.reservation_id.clone(),
            items: lines,
            reason: refund.reason.clone(),
            refund_id: refund.refund_id.clone(),
            refund_amount: refund.amount,
        };
        self.write(connection, order, data, cause, now_ms).await
    }

    async fn write<T: EventData>(
        &self,
        connection: &mut MySqlConnection,
        order: &Order,
        data: T,
        cause: &Cause,
        now_ms: i64,
    ) -> Result<(), Error> {
        let time =
            Timestamp::from_unix_ms(now_ms).map_err(|error| Error::Corrupt(error.to_string()))?;
        let envelope = Envelope {
            correlation_id: Some(order.order_id.clone()),
            causation_id: Some(cause.id.clone()),
            traceparent: cause.traceparent.clone(),
            ..Envelope::new(ids::uuid(), time, data)
        };
        Ok(self.outbox.insert(connection, &envelope).await?)
    }
}

fn ordered(items: &[Item]) -> Vec<events::Item> {
    let item = |item: &Item| events::Item {
        sku_id: item.sku_id.clone(),
        quantity: i64::from(item.quantity),
    };
    items.iter().map(item).collect()
}
