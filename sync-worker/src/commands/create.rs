//! `product.sku.created`: the stock of a SKU, with its initial quantity. Create only.

use inventory_core::{Code, Count, Refusal};
use service_kit::consumer::HandlerError;

use super::{Engines, command::Verdict, fault};

/// The stock is there: whoever made it knows better.
const EXISTS: Verdict = Verdict::Done {
    note: Some(Code::VersionConflict.as_str()),
};

impl Engines<'_> {
    pub(super) async fn create(&self, command: &Count) -> Result<Verdict, HandlerError> {
        let counted = self.engine.count(self.shard, command, self.deadline).await;
        Ok(match counted.map_err(fault)? {
            Ok(_) => Verdict::DONE,
            // The id was used with another quantity: it was created then.
            Err(Refusal::VersionConflict { .. } | Refusal::IdempotencyMismatch) => EXISTS,
            Err(refusal) => refusal.into(),
        })
    }
}
