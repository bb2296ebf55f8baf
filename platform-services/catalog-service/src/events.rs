//! What the catalog tells others, written with what it tells.

use contracts::{
    Envelope, Timestamp,
    catalog::{ProductChanged, SkuCreated},
};
use service_kit::{
    audit, clock,
    http::RequestContext,
    ids,
    outbox::{Outbox, OutboxError, OutboxRow},
};
use sqlx::MySqlConnection;

/// Writes events of one request.
#[derive(Debug, Clone)]
pub(crate) struct Teller<'a> {
    outbox: &'a Outbox,
    context: &'a RequestContext,
}

impl<'a> Teller<'a> {
    pub(crate) const fn new(outbox: &'a Outbox, context: &'a RequestContext) -> Self {
        Self { outbox, context }
    }

    pub(crate) async fn product_changed(
        &self,
        connection: &mut MySqlConnection,
        data: ProductChanged,
    ) -> Result<(), OutboxError> {
        // Every change of a product is told here, so nobody can forget it.
        let subject = format!("product:{}", data.product_id);
        audit::record(&mut *connection, &subject).await?;
        self.outbox.insert(connection, &self.envelope(data)).await
    }

    pub(crate) async fn skus_created(
        &self,
        connection: &mut MySqlConnection,
        skus: Vec<SkuCreated>,
    ) -> Result<(), OutboxError> {
        let rows = skus
            .into_iter()
            .map(|data| OutboxRow::new(&self.envelope(data)));
        let rows: Vec<OutboxRow> = rows.collect::<Result<_, _>>()?;
        self.outbox.insert_rows(connection, &rows).await
    }

    fn envelope<T: contracts::EventData>(&self, data: T) -> Envelope<T> {
        Envelope {
            id: ids::uuid(),
            source: T::EVENT_TYPE.producer().source().to_owned(),
            subject: Some(data.subject()),
            time: Timestamp::from_unix_ms(clock::unix_ms()).ok(),
            correlation_id: Some(self.context.request_id.clone()),
            causation_id: Some(self.context.request_id.clone()),
            traceparent: self.context.traceparent.clone(),
            data,
        }
    }
}
