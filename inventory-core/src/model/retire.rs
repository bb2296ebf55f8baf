//! retire: a stock without units and without open holds is removed.
//!
//! Due holds are reaped before a stock is called in use; their units are available then, so this
//! only makes the figures of the refusal true. With the last location of a SKU its purchase limit
//! goes, and what was counted against it. The entry carries one last version of the stock; created
//! again, it goes on from there, with what it had sold: goods may still come back.

use super::{Call, Decision, Model, ModelReply, Stop, done};
use crate::domain::*;

impl Model {
    /// Removes a stock.
    pub fn retire(&mut self, now: TimestampMs, command: &Retire) -> ModelReply<()> {
        self.call(now, |model, call| model.retire_in(call, command))
    }

    fn retire_in(&mut self, call: &mut Call, command: &Retire) -> Decision<()> {
        let key = &command.key;
        if self.known_stock(key)?.on_hand() > 0 {
            self.reap(call);
            let Stock {
                available,
                reserved,
                ..
            } = self.known_stock(key)?;
            return match reserved > 0 && !self.due(call.now).is_empty() {
                true => Err(Stop::ReapMore),
                false => Err(Stop::Refuse(Refusal::SkuInUse {
                    available,
                    reserved,
                })),
            };
        }
        self.change_stock(call, key.clone(), |_| {});
        if let Some(figures) = self.stocks.remove(key) {
            self.retired.insert(key.clone(), figures);
        }
        if !self.stocks.keys().any(|other| other.sku == key.sku) {
            self.change_limit(&key.sku, LimitChange::Remove);
        }
        call.changes.push(Change::Stock {
            kind: ChangeKind::Retired,
            context: command.context.clone(),
            operation: None,
            key: key.clone(),
            delta: 0,
            ledger_delta: 0,
            reason: None,
            limit: None,
        });
        done(())
    }
}
