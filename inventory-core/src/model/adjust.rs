//! adjust: available changes by a delta, for a reason.
//!
//! The same operation id with the same stock and delta is a repeat and answers the stock as it is
//! now. Available does not go below 0: due holds are reaped before that is said.

use super::{Call, Content, Decision, Model, ModelReply, Operation, Stop, done, replay};
use crate::{domain::*, limits::STOCK_MAX};

impl Model {
    /// Adds or takes away units.
    pub fn adjust(&mut self, now: TimestampMs, command: &Adjust) -> ModelReply<Stock> {
        self.call(now, |model, call| model.adjust_in(call, command))
    }

    fn adjust_in(&mut self, call: &mut Call, command: &Adjust) -> Decision<Stock> {
        let key = &command.key;
        let content = Content::Adjusted {
            key: key.clone(),
            delta: command.delta,
        };
        if self.is_repeat(&command.operation, &content)? {
            return replay(self.known_stock(key)?);
        }
        let before = self.known_stock(key)?;
        self.reaping_if_refused(call, |model| {
            let stock = model.known_stock(key)?;
            match stock.available.checked_add_signed(command.delta) {
                Some(_) => Ok(()),
                None => Err(Refusal::InsufficientStock(vec![Shortage {
                    key: key.clone(),
                    requested: command.delta.unsigned_abs(),
                    available: stock.available,
                }])),
            }
        })?;
        let total = i128::from(before.on_hand() + before.sold) + i128::from(command.delta);
        if total > i128::from(STOCK_MAX) {
            return Err(Stop::Refuse(Refusal::StockTooLarge));
        }
        self.change_stock(call, key.clone(), |stock| {
            stock.available = stock.available.saturating_add_signed(command.delta);
        });
        call.changes.push(Change::Stock {
            kind: ChangeKind::Adjusted,
            context: command.context.clone(),
            operation: Some(command.operation.clone()),
            key: key.clone(),
            delta: command.delta,
            ledger_delta: command.delta,
            reason: command.reason.clone(),
            limit: None,
        });
        self.remember(call, &command.operation, content);
        done(self.known_stock(key)?)
    }

    /// Whether the operation was done before, with this very content.
    pub(super) fn is_repeat(&self, id: &OperationId, content: &Content) -> Result<bool, Refusal> {
        match self.operations.get(id) {
            None => Ok(false),
            Some(before) if before.content == *content => Ok(true),
            Some(_) => Err(Refusal::IdempotencyMismatch),
        }
    }

    pub(super) fn remember(&mut self, call: &Call, id: &OperationId, content: Content) {
        self.operations.insert(
            id.clone(),
            Operation {
                at: call.now,
                content,
            },
        );
    }

    pub(super) fn known_stock(&self, key: &StockKey) -> Result<Stock, Refusal> {
        self.stock(key)
            .ok_or_else(|| Refusal::UnknownSku(vec![key.clone()]))
    }
}
