//! repair: a stock becomes what it should be, if it still is as it was found.
//!
//! Nothing is reaped and nothing is refused but a stock that has changed. The version goes above the
//! stock's own and above the one that the command names. A removal leaves what a retirement leaves,
//! and takes the limit of the SKU with its last stock. Repairs of reservations deal in stored bytes,
//! which the model does not have.

use super::{Figures, Model};
use crate::{domain::*, engine::Repair};

impl Model {
    /// Sets a stock.
    pub fn repair_stock(&mut self, now: TimestampMs, command: &RepairStock) -> Repair<[u64; 4]> {
        let key = &command.key;
        let found = match self.stocks.get(key) {
            Some(stock) => Kept::Is([stock.available, stock.reserved, stock.sold, stock.version]),
            None => Kept::Absent,
        };
        if found != command.expected {
            return Repair::Changed(found);
        }
        let mut call = self.begin(now);
        let [available, reserved, sold] = match command.set {
            SetStock::Figures(figures) => figures,
            SetStock::Removed { sold } => [0, 0, sold],
        };
        self.change_stock(&mut call, key.clone(), |stock| {
            *stock = Figures {
                available,
                reserved,
                sold,
                version: stock.version.max(command.version_above),
            };
        });
        if matches!(command.set, SetStock::Removed { .. })
            && let Some(figures) = self.stocks.remove(key)
        {
            self.retired.insert(key.clone(), figures);
            if !self.stocks.keys().any(|other| other.sku == key.sku) {
                self.change_limit(&key.sku, LimitChange::Remove);
            }
        }
        call.changes.push(Change::StockRepaired {
            context: command.context.clone(),
            key: key.clone(),
            found,
            set: command.set,
            ledger_delta: command.ledger_delta,
            reason: Some(command.reason.clone()),
        });
        self.end(call);
        Repair::Done
    }
}
