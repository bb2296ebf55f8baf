//! count: on-hand becomes what was counted on the shelf; a new stock is created.
//!
//! The same operation id with the same stock, figure, expected version and limit is a repeat and
//! answers the stock as it is now. The expected version (0: there must be no such stock) is compared
//! before anything else happens. Units in open holds are on the shelf too, so a count below them is
//! refused, after due holds were reaped. The version steps even when the figure stays.

use super::{Call, Content, Decision, Model, ModelReply, Stop, done, replay};
use crate::{domain::*, engine::Counted, limits::STOCK_MAX};

impl Model {
    /// Sets on-hand.
    pub fn count(&mut self, now: TimestampMs, command: &Count) -> ModelReply<Counted> {
        self.call(now, |model, call| model.count_in(call, command))
    }

    fn count_in(&mut self, call: &mut Call, command: &Count) -> Decision<Counted> {
        let Count {
            key,
            on_hand,
            expected_version,
            limit,
            ..
        } = command;
        let content = Content::Counted {
            key: key.clone(),
            on_hand: *on_hand,
            expected_version: *expected_version,
            limit: *limit,
        };
        if self.is_repeat(&command.operation, &content)? {
            return replay(Counted {
                stock: self.known_stock(key)?,
                created: false,
            });
        }
        let before = self.stock(key);
        let current = before.as_ref().map_or(0, |stock| stock.version);
        if expected_version.is_some_and(|expected| expected != current) {
            return Err(Stop::Refuse(Refusal::VersionConflict { current }));
        }
        self.reaping_if_refused(call, |model| {
            match model.stock(key).map_or(0, |stock| stock.reserved) {
                reserved if *on_hand < reserved => Err(Refusal::BelowReserved { reserved }),
                _ => Ok(()),
            }
        })?;
        let sold = match &before {
            Some(stock) => stock.sold,
            None => self.retired.get(key).map_or(0, |figures| figures.sold),
        };
        if u128::from(*on_hand) + u128::from(sold) > u128::from(STOCK_MAX) {
            return Err(Stop::Refuse(Refusal::StockTooLarge));
        }

        let mut delta = 0;
        self.change_stock(call, key.clone(), |stock| {
            let available = on_hand - stock.reserved;
            delta = available.cast_signed() - stock.available.cast_signed();
            stock.available = available;
        });
        self.change_limit(&key.sku, *limit);
        call.changes.push(Change::Stock {
            kind: ChangeKind::Counted,
            context: command.context.clone(),
            operation: Some(command.operation.clone()),
            key: key.clone(),
            delta,
            ledger_delta: delta,
            reason: command.reason.clone(),
            limit: match *limit {
                LimitChange::Keep => None,
                LimitChange::Remove => Some(None),
                LimitChange::Set(limit) => Some(Some(limit)),
            },
        });
        self.remember(call, &command.operation, content);
        done(Counted {
            stock: self.known_stock(key)?,
            created: before.is_none(),
        })
    }
}
