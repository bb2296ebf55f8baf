//! Examples for every rule of the model. What they share stands here.

mod confirm;
mod expire_purge;
mod journal;
mod limit;
mod release_extend;
mod reserve;
mod return_goods;
mod states;
mod stock;

use super::Model;
use crate::{
    domain::*,
    engine::{Counted, Held},
};

const T0: u64 = 1_700_000_000_000;
const EPOCH: Epoch = Epoch(T0);
const MAX_HOLD_MS: u32 = 86_400_000;

/// A model with a clock, commands in shorthand, and invariants checked after each of them.
struct Shop {
    model: Model,
    now: TimestampMs,
    operations: u32,
}

impl Shop {
    /// Stocks by SKU, at the default location.
    fn with(stocks: &[(&str, u64)]) -> Self {
        let mut shop = Self {
            model: Model::new(EPOCH, 1),
            now: TimestampMs(T0),
            operations: 0,
        };
        for (sku, on_hand) in stocks {
            shop.count(sku, *on_hand, LimitChange::Keep);
        }
        shop
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    fn checked<T>(&mut self, call: impl FnOnce(&mut Model, TimestampMs) -> T) -> T {
        let reply = call(&mut self.model, self.now);
        self.model.check_invariants().unwrap();
        reply
    }

    fn reserve(&mut self, command: &Reserve) -> Outcome<Held> {
        self.checked(|model, now| model.reserve(now, command))
            .unwrap()
    }

    fn confirm(&mut self, command: &Confirm) -> Outcome<Reservation> {
        self.checked(|model, now| model.confirm(now, command))
            .unwrap()
    }

    fn release(&mut self, command: &Release) -> Outcome<Reservation> {
        self.checked(|model, now| model.release(now, command))
            .unwrap()
    }

    fn extend(&mut self, ttl_ms: u32, max_hold_ms: u32) -> Outcome<Reservation> {
        let command = Extend {
            id: rid("r"),
            ttl_ms,
            max_hold_ms,
            context: Context::default(),
        };
        self.checked(|model, now| model.extend(now, &command))
            .unwrap()
    }

    fn return_goods(&mut self, id: &str, lines: Option<Lines>) -> Outcome<Reservation> {
        let command = Return {
            id: rid("r"),
            return_id: oid(id),
            lines,
            context: Context::default(),
        };
        self.checked(|model, now| model.return_goods(now, &command))
            .unwrap()
    }

    fn adjust(&mut self, operation: &str, sku: &str, delta: i64) -> Outcome<Stock> {
        let command = Adjust {
            operation: oid(operation),
            key: key(sku),
            delta,
            reason: None,
            context: Context::default(),
        };
        self.checked(|model, now| model.adjust(now, &command))
            .unwrap()
    }

    fn count(&mut self, sku: &str, on_hand: u64, limit: LimitChange) -> Counted {
        self.operations += 1;
        let operation = format!("count-{}", self.operations);
        let command = Count {
            limit,
            ..a_count(&operation, sku, on_hand)
        };
        self.count_as(&command).unwrap().value
    }

    fn count_as(&mut self, command: &Count) -> Outcome<Counted> {
        self.checked(|model, now| model.count(now, command))
            .unwrap()
    }

    fn retire(&mut self, sku: &str) -> Outcome<()> {
        let command = Retire {
            key: key(sku),
            context: Context::default(),
        };
        self.checked(|model, now| model.retire(now, &command))
            .unwrap()
    }

    /// Available, reserved, sold.
    fn figures(&self, sku: &str) -> (u64, u64, u64) {
        let stock = self.model.stock(&key(sku)).unwrap();
        (stock.available, stock.reserved, stock.sold)
    }

    fn version(&self, sku: &str) -> u64 {
        self.model.stock(&key(sku)).unwrap().version
    }

    fn status(&self, id: &str) -> Status {
        self.model.reservation(&rid(id)).unwrap().status
    }

    fn used(&self, sku: &str, customer: &str) -> u64 {
        self.model
            .used(self.now, &Sku::parse(sku).unwrap(), &cid(customer))
    }
}

fn rid(id: &str) -> ReservationId {
    ReservationId::parse(id).unwrap()
}

fn oid(id: &str) -> OperationId {
    OperationId::parse(id).unwrap()
}

fn cid(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

fn order(id: &str) -> Option<OrderId> {
    Some(OrderId::parse(id).unwrap())
}

/// `sku` at the default location, or `location|sku`.
fn key(text: &str) -> StockKey {
    let (location, sku) = text.split_once('|').unwrap_or((Location::DEFAULT, text));
    StockKey {
        location: Location::parse(location).unwrap(),
        sku: Sku::parse(sku).unwrap(),
    }
}

fn lines(lines: &[(&str, u32)]) -> Lines {
    let line = |(text, quantity): &(&str, u32)| {
        let StockKey { location, sku } = key(text);
        Line {
            sku,
            location,
            quantity: *quantity,
        }
    };
    Lines::summed(lines.iter().map(line).collect()).unwrap()
}

/// A hold for a minute.
fn hold(id: &str, wanted: &[(&str, u32)]) -> Reserve {
    Reserve {
        id: rid(id),
        lines: lines(wanted),
        ttl_ms: 60_000,
        order: None,
        customer: None,
        metadata: None,
        context: Context::default(),
    }
}

fn hold_for(customer: &str, id: &str, wanted: &[(&str, u32)]) -> Reserve {
    Reserve {
        customer: Some(cid(customer)),
        ..hold(id, wanted)
    }
}

fn confirm(id: &str) -> Confirm {
    Confirm {
        id: rid(id),
        lines: None,
        reacquire: false,
        context: Context::default(),
    }
}

fn release(id: &str) -> Release {
    Release {
        id: rid(id),
        reason: None,
        tombstone: false,
        context: Context::default(),
    }
}

fn a_count(operation: &str, sku: &str, on_hand: u64) -> Count {
    Count {
        operation: oid(operation),
        key: key(sku),
        on_hand,
        expected_version: None,
        limit: LimitChange::Keep,
        reason: None,
        context: Context::default(),
    }
}

fn limit_of(quantity: u32, window_seconds: Option<u32>) -> LimitChange {
    LimitChange::Set(PurchaseLimit::new(quantity, window_seconds).unwrap())
}

fn short(stock: &str, requested: u64, available: u64) -> Shortage {
    Shortage {
        key: key(stock),
        requested,
        available,
    }
}

fn new_hold(outcome: Outcome<Held>) -> (TimestampMs, TimestampMs) {
    match outcome {
        Ok(Success {
            value: Held::New { created, deadline },
            replayed: false,
        }) => (created, deadline),
        other => panic!("no new hold: {other:?}"),
    }
}

fn repeated(outcome: Outcome<Held>) -> Reservation {
    match outcome {
        Ok(Success {
            value: Held::Existing(reservation),
            replayed: true,
        }) => *reservation,
        other => panic!("no repeat: {other:?}"),
    }
}

fn sold(lines_sold: Lines) -> Confirm {
    Confirm {
        lines: Some(lines_sold),
        ..confirm("r")
    }
}

fn reacquire() -> Confirm {
    Confirm {
        reacquire: true,
        ..confirm("r")
    }
}
