//! The commands that the steps of a case mean, and how they are written down in short.

use inventory_core::*;

use super::Pair;
use crate::steps::{Ask, Expected, Limit, Part, STOCKS, Step, Which};

impl Pair {
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Reserve(asks) => {
                let commands: Vec<_> = asks.iter().map(|ask| self.reserve_of(ask)).collect();
                self.reserve(&commands).await
            }
            Step::Confirm {
                id,
                part,
                reacquire,
            } => {
                let id = self.named(*id);
                let lines = self.part(&id, part);
                let command = Confirm {
                    id,
                    lines,
                    reacquire: *reacquire,
                    context: context(),
                };
                self.confirm(&command).await
            }
            Step::Release {
                id,
                reason,
                tombstone,
            } => {
                let command = Release {
                    id: self.named(*id),
                    reason: reason.map(|n| Text::parse(&format!("reason {n}")).unwrap()),
                    tombstone: *tombstone,
                    context: context(),
                };
                self.release(&command).await
            }
            Step::Extend {
                id,
                ttl_ms,
                max_hold_ms,
            } => {
                let command = Extend {
                    id: self.named(*id),
                    ttl_ms: *ttl_ms,
                    max_hold_ms: *max_hold_ms,
                    context: context(),
                };
                self.extend(&command).await
            }
            Step::Return {
                id,
                return_id,
                part,
            } => {
                let id = self.named(*id);
                let lines = self.part(&id, part);
                let command = Return {
                    id,
                    return_id: operation_id(&format!("ret-{return_id}")),
                    lines,
                    context: context(),
                };
                self.return_goods(&command).await
            }
            Step::Adjust {
                operation,
                stock,
                delta,
            } => {
                self.adjust(&an_adjustment(&format!("op-{operation}"), *stock, *delta))
                    .await
            }
            Step::Count {
                operation,
                stock,
                on_hand,
                expected,
                limit,
            } => {
                let key = stock_key(*stock);
                let current = self.model.stock(&key).map_or(0, |stock| stock.version);
                let command = Count {
                    expected_version: match expected {
                        Expected::Any => None,
                        Expected::Current => Some(current),
                        Expected::Fixed(version) => Some(*version),
                    },
                    limit: limit_change(limit),
                    ..a_count(&format!("op-{operation}"), key, *on_hand)
                };
                self.count(&command).await
            }
            Step::SetLimit {
                operation,
                stock,
                limit,
            } => {
                let key = stock_key(*stock);
                let on_hand = self.model.stock(&key).map_or(0, |stock| stock.on_hand());
                let command = Count {
                    limit: limit_change(limit),
                    ..a_count(&format!("op-{operation}"), key, on_hand)
                };
                self.count(&command).await
            }
            Step::Retire {
                operation,
                stock,
                empty_first,
            } => {
                let key = stock_key(*stock);
                let available = self.model.stock(&key).map_or(0, |stock| stock.available);
                if *empty_first && available > 0 {
                    let delta = -available.cast_signed();
                    self.adjust(&an_adjustment(&format!("op-{operation}"), *stock, delta))
                        .await?;
                }
                self.retire(&Retire {
                    key,
                    context: context(),
                })
                .await
            }
            Step::Repair {
                stock,
                available,
                above,
                stale,
            } => self.repair(*stock, *available, *above, *stale).await,
            Step::Expire { max } => self.expire(Expire { max: *max }).await,
            Step::Purge { retention_ms } => self.purge(*retention_ms).await,
            Step::Wait { ms } => {
                self.wait_ms(*ms);
                Ok(())
            }
        }
    }

    fn reserve_of(&self, ask: &Ask) -> Reserve {
        let mut lines = self.menu[ask.lines].as_slice().to_vec();
        if ask.turned {
            lines.reverse();
        }
        Reserve {
            id: reservation_id(ask.id),
            lines: Lines::summed(lines).unwrap(),
            ttl_ms: ask.ttl_ms,
            order: ask.order.map(|n| OrderId::parse(&format!("o{n}")).unwrap()),
            customer: ask.customer.map(customer_id),
            metadata: ask
                .metadata
                .then(|| Metadata::from_compact_json(r#"{"a":"b"}"#).unwrap()),
            context: context(),
        }
    }

    fn named(&self, which: Which) -> ReservationId {
        let (n, fits): (u8, &[Status]) = match which {
            Which::Id(id) => return reservation_id(id),
            Which::Open(n) => (n, &[Status::Reserved]),
            Which::Expired(n) => (n, &[Status::Expired]),
            Which::Sold(n) => (n, &[Status::Confirmed, Status::PartiallyReturned]),
        };
        let fitting: Vec<_> = self
            .model
            .reservations()
            .filter(|r| fits.contains(&r.status))
            .collect();
        match fitting.len() {
            0 => reservation_id(n),
            many => fitting[usize::from(n) % many].id.clone(),
        }
    }

    fn part(&self, id: &ReservationId, part: &Part) -> Option<Lines> {
        let own = self.model.reservation(id).map(|r| r.lines.as_slice());
        let own = own
            .filter(|lines| !lines.is_empty())
            .unwrap_or(self.menu[0].as_slice());
        let lines = match part {
            Part::All => return None,
            Part::Menu(index) => return Some(self.menu[*index].clone()),
            Part::Turned => own.iter().rev().cloned().collect(),
            Part::Few => {
                let rest = if own.len() > 1 { &own[1..] } else { own };
                rest.iter()
                    .map(|line| Line {
                        quantity: 1,
                        ..line.clone()
                    })
                    .collect()
            }
            Part::More => {
                let mut lines = own.to_vec();
                lines[0].quantity += 1;
                lines
            }
        };
        Some(Lines::summed(lines).unwrap())
    }
}

pub(crate) fn lines_of(lines: &[(u8, u32)]) -> Lines {
    let line = |(stock, quantity): &(u8, u32)| {
        let StockKey { location, sku } = stock_key(*stock);
        Line {
            sku,
            location,
            quantity: *quantity,
        }
    };
    Lines::summed(lines.iter().map(line).collect()).unwrap()
}

/// 0, 1, 2 at the default location; 3, 4, 5 the same SKUs elsewhere.
pub(crate) fn stock_key(stock: u8) -> StockKey {
    let location = if stock < STOCKS / 2 {
        Location::DEFAULT
    } else {
        "east"
    };
    StockKey {
        location: Location::parse(location).unwrap(),
        sku: Sku::parse(&format!("sku:{}", stock % (STOCKS / 2))).unwrap(),
    }
}

pub(super) fn reservation_id(id: u8) -> ReservationId {
    ReservationId::parse(&format!("r{id}")).unwrap()
}

fn operation_id(id: &str) -> OperationId {
    OperationId::parse(id).unwrap()
}

pub(super) fn customer_id(id: u8) -> CustomerId {
    CustomerId::parse(&format!("c{id}")).unwrap()
}

pub(crate) fn context() -> Context {
    Context {
        actor: Some(Text::parse("a test").unwrap()),
        ..Context::default()
    }
}

pub(crate) fn an_adjustment(operation: &str, stock: u8, delta: i64) -> Adjust {
    Adjust {
        operation: operation_id(operation),
        key: stock_key(stock),
        delta,
        reason: None,
        context: context(),
    }
}

pub(crate) fn a_count(operation: &str, key: StockKey, on_hand: u64) -> Count {
    Count {
        operation: operation_id(operation),
        key,
        on_hand,
        expected_version: None,
        limit: LimitChange::Keep,
        reason: None,
        context: context(),
    }
}

fn limit_change(limit: &Limit) -> LimitChange {
    match *limit {
        Limit::Keep => LimitChange::Keep,
        Limit::Remove => LimitChange::Remove,
        Limit::Set(quantity, window_seconds) => {
            LimitChange::Set(PurchaseLimit::new(quantity, window_seconds).unwrap())
        }
    }
}
