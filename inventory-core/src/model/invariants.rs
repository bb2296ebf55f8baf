//! What must be true of a shard at every moment.
//!
//! The journal is folded from nothing, by rules written independently of the operations, and must
//! arrive at the state: the figures and versions of every stock, and the last word on every
//! reservation. On the way each entry must follow its predecessor without a gap, no figure may fall
//! below 0, and each reservation must go only where its status allows, so it resolves once.

use std::collections::BTreeMap;

use super::Model;
use crate::domain::*;

/// A stock as the journal's deltas add up; signed, so that a fall below 0 is seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sums {
    available: i128,
    reserved: i128,
    sold: i128,
    /// Initial units and adjustments.
    adjusted: i128,
    version: u64,
}

#[derive(Debug, Default)]
struct Fold {
    stocks: BTreeMap<StockKey, Sums>,
    retired: BTreeMap<StockKey, Sums>,
    reservations: BTreeMap<ReservationId, Reservation>,
}

impl Model {
    /// Checks every invariant that can be seen on one shard.
    ///
    /// # Errors
    /// The first one that does not hold, in words.
    pub fn check_invariants(&self) -> Result<(), String> {
        let fold = self.fold_journal()?;
        for (key, stock) in &fold.stocks {
            let there = self
                .stock(key)
                .ok_or_else(|| format!("{key} is gone, the journal has it"))?;
            let figures = (
                i128::from(there.available),
                i128::from(there.reserved),
                i128::from(there.sold),
            );
            ensure(
                figures == (stock.available, stock.reserved, stock.sold)
                    && there.version == stock.version,
                || format!("the journal adds up to {stock:?}, the state is {there:?}"),
            )?;
            ensure(
                stock.adjusted - stock.sold == stock.available + stock.reserved,
                || {
                    format!(
                        "initial + adjustments - sold is not available + reserved: {key} {stock:?}"
                    )
                },
            )?;
            let held: u64 = self.held(key);
            ensure(there.reserved == held, || {
                format!(
                    "{key} has {} reserved, its open holds {held}",
                    there.reserved
                )
            })?;
        }
        ensure(fold.stocks.len() == self.stocks.len(), || {
            "the journal lacks a stock".to_owned()
        })?;
        for reservation in self.reservations() {
            let id = &reservation.id;
            ensure(fold.reservations.get(id) == Some(reservation), || {
                format!("the journal's last word on {id} differs from {reservation:?}")
            })?;
            is_coherent(reservation).map_err(|what| format!("{id} {what}: {reservation:?}"))?;
        }
        self.check_limits()
    }

    fn held(&self, key: &StockKey) -> u64 {
        self.reservations()
            .filter(|r| r.status == Status::Reserved)
            .flat_map(|r| r.lines.iter())
            .filter(|line| line.stock_key() == *key)
            .map(|line| u64::from(line.quantity))
            .sum()
    }

    /// What can still be given back belongs to a line of an open hold, in full.
    fn check_limits(&self) -> Result<(), String> {
        for (sku, limited) in &self.limits {
            ensure(self.stocks.keys().any(|key| key.sku == *sku), || {
                format!("{sku} has a purchase limit and no stock")
            })?;
            for taken in limited.taken() {
                let Some((id, location)) = &taken.hold else {
                    continue;
                };
                let line = Line {
                    sku: sku.clone(),
                    location: location.clone(),
                    quantity: 1,
                };
                let held = self
                    .reservation(id)
                    .filter(|r| r.status == Status::Reserved)
                    .map_or(0, |r| u64::from(r.lines.quantity_of(&line)));
                ensure(held == taken.quantity, || {
                    format!(
                        "{id} holds {held} of {sku}, its limit counts {}",
                        taken.quantity
                    )
                })?;
            }
        }
        Ok(())
    }

    fn fold_journal(&self) -> Result<Fold, String> {
        let mut fold = Fold::default();
        let first = self.journal.first().map_or(self.next_n, |entry| entry.id.n);
        for (n, entry) in (first..).zip(&self.journal) {
            ensure(
                entry.id
                    == JournalId {
                        epoch: self.epoch,
                        n,
                    },
                || format!("entry {} stands at place {n}", entry.id),
            )?;
            fold.apply(entry)
                .map_err(|what| format!("entry {}: {what}", entry.id))?;
        }
        ensure(first + self.journal.len() as u64 == self.next_n, || {
            format!("the journal ends before {}", self.next_entry())
        })?;
        Ok(fold)
    }
}

impl Fold {
    fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        let EntryBody::Changes { stocks, changes } = &entry.body else {
            return Err("is no entry of changes".to_owned());
        };
        for change in changes {
            match change {
                Change::Reservation {
                    kind, reservation, ..
                } => {
                    ensure(reservation.last_change == entry.id, || {
                        format!("{} names another entry", reservation.id)
                    })?;
                    self.reservation(*kind, reservation)?;
                }
                Change::Stock {
                    kind, key, delta, ..
                } => self.stock(*kind, key, *delta)?,
                Change::StockRepaired {
                    key,
                    found,
                    set,
                    ledger_delta,
                    ..
                } => {
                    let after = stocks.iter().find(|after| after.key == *key);
                    let version = after.ok_or("a repair without figures")?.version;
                    self.repaired(key, found, *set, *ledger_delta, version)?;
                }
                Change::ReservationRepaired { id, .. } => {
                    return Err(format!("repairs {id}: no step of the model"));
                }
            }
        }
        let retired = |key: &StockKey| {
            changes.iter().any(|c| {
                matches!(
                    c,
                    Change::Stock { kind: ChangeKind::Retired, key: k, .. }
                    | Change::StockRepaired { set: SetStock::Removed { .. }, key: k, .. }
                        if k == key
                )
            })
        };
        for after in stocks.iter().filter(|after| !retired(&after.key)) {
            let sums = self
                .stocks
                .get(&after.key)
                .ok_or_else(|| format!("no {}", after.key))?;
            let figures = [after.available, after.reserved, after.sold].map(i128::from);
            ensure(
                figures == [sums.available, sums.reserved, sums.sold]
                    && after.version == sums.version,
                || format!("says {after:?}, adds up to {sums:?}"),
            )?;
        }
        Ok(())
    }

    fn stock(&mut self, kind: ChangeKind, key: &StockKey, delta: i64) -> Result<(), String> {
        match kind {
            ChangeKind::Counted | ChangeKind::Adjusted => {
                ensure(
                    kind == ChangeKind::Counted || self.stocks.contains_key(key),
                    || format!("adjusts {key}, which does not exist"),
                )?;
                let retired = &mut self.retired;
                self.stocks
                    .entry(key.clone())
                    .or_insert_with(|| retired.remove(key).unwrap_or_default());
                self.step(key, |stock| {
                    stock.available += i128::from(delta);
                    stock.adjusted += i128::from(delta);
                })
            }
            ChangeKind::Retired => {
                self.step(key, |_| {})?;
                match self.stocks.remove(key) {
                    Some(stock) if stock.available == 0 && stock.reserved == 0 => {
                        self.retired.insert(key.clone(), stock);
                        Ok(())
                    }
                    stock => Err(format!("retires {key} with {stock:?}")),
                }
            }
            ChangeKind::Reserved
            | ChangeKind::Bound
            | ChangeKind::Confirmed
            | ChangeKind::Reacquired
            | ChangeKind::Released
            | ChangeKind::Tombstoned
            | ChangeKind::Expired
            | ChangeKind::Extended
            | ChangeKind::Returned
            | ChangeKind::Attested
            | ChangeKind::ReservationAttested
            | ChangeKind::Repaired
            | ChangeKind::ReservationRepaired => Err(format!("{kind:?} is no change of {key}")),
        }
    }

    /// Absolute figures; the version may step further than by one, never back.
    fn repaired(
        &mut self,
        key: &StockKey,
        found: &Kept<[u64; 4]>,
        set: SetStock,
        ledger_delta: i64,
        version: u64,
    ) -> Result<(), String> {
        let before = self.stocks.remove(key);
        let there = before.as_ref().map(|stock| {
            let figures = [stock.available, stock.reserved, stock.sold];
            (figures, stock.version)
        });
        let found = found.clone().value().map(|[a, r, s, v]| {
            let figures = [a, r, s].map(i128::from);
            (figures, v)
        });
        ensure(there == found, || {
            format!("repairs {key} from {found:?}, which was {there:?}")
        })?;
        let mut stock = before
            .or_else(|| self.retired.remove(key))
            .unwrap_or_default();
        ensure(stock.version < version, || {
            format!("repairs {key} to version {version}, which had {stock:?}")
        })?;
        let (figures, stocks) = match set {
            SetStock::Figures(figures) => (figures, &mut self.stocks),
            SetStock::Removed { sold } => ([0, 0, sold], &mut self.retired),
        };
        [stock.available, stock.reserved, stock.sold] = figures.map(i128::from);
        stock.adjusted += i128::from(ledger_delta);
        stock.version = version;
        stocks.insert(key.clone(), stock);
        Ok(())
    }

    fn reservation(&mut self, kind: ChangeKind, after: &Reservation) -> Result<(), String> {
        let before = self.reservations.insert(after.id.clone(), after.clone());
        let from = before.as_ref().map(|r| r.status);
        // A purged id may begin a new life.
        let (allowed, to) = match kind {
            ChangeKind::Reserved => (from != Some(Status::Reserved), Status::Reserved),
            ChangeKind::Tombstoned => (from != Some(Status::Reserved), Status::Released),
            ChangeKind::Bound | ChangeKind::Extended => {
                (from == Some(Status::Reserved), Status::Reserved)
            }
            ChangeKind::Confirmed => (from == Some(Status::Reserved), Status::Confirmed),
            ChangeKind::Released => (from == Some(Status::Reserved), Status::Released),
            ChangeKind::Expired => (from == Some(Status::Reserved), Status::Expired),
            ChangeKind::Reacquired => (from == Some(Status::Expired), Status::Confirmed),
            ChangeKind::Returned => (
                matches!(from, Some(Status::Confirmed | Status::PartiallyReturned)),
                if after.status == Status::Returned {
                    Status::Returned
                } else {
                    Status::PartiallyReturned
                },
            ),
            ChangeKind::Adjusted
            | ChangeKind::Counted
            | ChangeKind::Retired
            | ChangeKind::Attested
            | ChangeKind::ReservationAttested
            | ChangeKind::Repaired
            | ChangeKind::ReservationRepaired => (false, after.status),
        };
        ensure(allowed && after.status == to, || {
            format!(
                "{kind:?} takes {} from {from:?} to {}",
                after.id, after.status
            )
        })?;
        let sold = after.confirmed.as_ref().map(|c| c.lines.clone());
        for line in &after.lines {
            let held = i128::from(line.quantity);
            let sold = i128::from(sold.as_ref().map_or(0, |lines| lines.quantity_of(line)));
            let back = i128::from(
                after
                    .returns
                    .last()
                    .map_or(0, |r| r.lines.quantity_of(line)),
            );
            let key = line.stock_key();
            match kind {
                ChangeKind::Reserved => self.step(&key, |stock| {
                    stock.available -= held;
                    stock.reserved += held;
                })?,
                ChangeKind::Released | ChangeKind::Expired => self.step(&key, |stock| {
                    stock.available += held;
                    stock.reserved -= held;
                })?,
                ChangeKind::Confirmed => self.step(&key, |stock| {
                    stock.available += held - sold;
                    stock.reserved -= held;
                    stock.sold += sold;
                })?,
                ChangeKind::Reacquired if sold > 0 => self.step(&key, |stock| {
                    stock.available -= sold;
                    stock.sold += sold;
                })?,
                ChangeKind::Returned if back > 0 => self.step(&key, |stock| {
                    stock.available += back;
                    stock.sold -= back;
                })?,
                ChangeKind::Reacquired
                | ChangeKind::Returned
                | ChangeKind::Bound
                | ChangeKind::Extended
                | ChangeKind::Tombstoned
                | ChangeKind::Adjusted
                | ChangeKind::Counted
                | ChangeKind::Retired
                | ChangeKind::Attested
                | ChangeKind::ReservationAttested
                | ChangeKind::Repaired
                | ChangeKind::ReservationRepaired => {}
            }
        }
        Ok(())
    }

    /// One change of a stock: figures stay at or above 0, the version steps by one.
    fn step(&mut self, key: &StockKey, change: impl FnOnce(&mut Sums)) -> Result<(), String> {
        let stock = self
            .stocks
            .get_mut(key)
            .ok_or_else(|| format!("touches {key}, which is not there"))?;
        change(stock);
        stock.version += 1;
        ensure(
            stock.available >= 0 && stock.reserved >= 0 && stock.sold >= 0,
            || format!("leaves {key} at {stock:?}"),
        )
    }
}

/// Whether a reservation's parts fit its status.
fn is_coherent(reservation: &Reservation) -> Result<(), &'static str> {
    let r = reservation;
    let all_back = r
        .confirmed
        .iter()
        .flat_map(|c| c.lines.iter())
        .all(|l| r.returnable(l) == 0);
    let closed = [
        r.confirmed.is_some(),
        r.released.is_some(),
        r.expired_at.is_some(),
    ];
    let reacquired = r.confirmed.as_ref().is_some_and(|c| c.reacquired);
    let fits = match r.status {
        Status::Reserved => closed == [false, false, false],
        Status::Released => closed == [false, true, false],
        Status::Expired => closed == [false, false, true],
        Status::Confirmed => closed == [true, false, reacquired] && r.returns.is_empty(),
        Status::PartiallyReturned => {
            closed == [true, false, reacquired] && !r.returns.is_empty() && !all_back
        }
        Status::Returned => closed == [true, false, reacquired] && all_back,
    };
    ensure(fits, || "does not fit its status")?;
    for sold in r.confirmed.iter().flat_map(|c| c.lines.iter()) {
        ensure(
            sold.quantity <= r.lines.quantity_of(sold),
            || "sold more than it held",
        )?;
        let back: u64 = r
            .returns
            .iter()
            .map(|back| u64::from(back.lines.quantity_of(sold)))
            .sum();
        ensure(
            back <= u64::from(sold.quantity),
            || "took more back than it sold",
        )?;
    }
    let ever_sold = |line: &Line| {
        r.confirmed
            .as_ref()
            .is_some_and(|c| c.lines.quantity_of(line) > 0)
    };
    let came_back_unsold = r
        .returns
        .iter()
        .flat_map(|back| back.lines.iter())
        .any(|line| !ever_sold(line));
    ensure(!came_back_unsold, || "took back what it never sold")
}

fn ensure<E>(holds: bool, or_else: impl FnOnce() -> E) -> Result<(), E> {
    if holds { Ok(()) } else { Err(or_else()) }
}
