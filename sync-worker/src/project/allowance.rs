//! Purchase limits and what customers used of them: what the scripts do to their counters
//! (`lua/lib/limit.lua`), done again.
//!
//! Unlike everything else this needs to know the state before: the limit in force gives the width of
//! a slice, and a generation that is over has no counters.

use std::collections::{BTreeMap, HashMap, HashSet};

use inventory_core::{
    Change, ChangeKind, CustomerId, Epoch, JournalId, Location, PurchaseLimit, Reservation,
    SetStock, Sku, TimestampMs, engine::counted_lines, limits::LIMIT_WINDOW_SLICES,
};
use sqlx::{MySqlConnection, Row};

use super::{rows::ChangeRows, sql::Statement};

/// A purchase limit in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitNow {
    pub(crate) quantity: u32,
    /// 0: for life.
    pub(crate) window_ms: u64,
    /// The entry since which it counts.
    pub(crate) generation: JournalId,
    pub(crate) changed: JournalId,
}

impl LimitNow {
    /// The slice that units taken at a moment count in.
    fn slice(&self, at: TimestampMs) -> u64 {
        match self.window_ms {
            0 => 0,
            window_ms => at.0 / (window_ms / LIMIT_WINDOW_SLICES).max(1),
        }
    }

    /// The first slice that still counts at a moment: from its end no whole window has passed.
    fn first_slice(&self, now: TimestampMs) -> u64 {
        self.slice(TimestampMs(now.0.saturating_sub(self.window_ms)))
    }
}

/// A counter: one slice of what one customer used of one generation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Counter {
    pub(crate) sku: Sku,
    pub(crate) generation: JournalId,
    pub(crate) customer: CustomerId,
    pub(crate) slice: u64,
    /// Where every entry is to be looked at for itself: the entry. Else always the same.
    entry: JournalId,
}

/// What becomes of a counter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) units: i64,
    pub(crate) changed: JournalId,
    /// The customer's slices before this one count no more.
    pub(crate) first_slice: u64,
}

/// What changes do to limits and counters.
#[derive(Debug, Default)]
pub(crate) struct Allowances {
    /// Limits that changed; `None`: removed. Counters of other generations are forgotten.
    pub(crate) limits: Vec<(Sku, Option<LimitNow>)>,
    pub(crate) spent: BTreeMap<Counter, Spent>,
}

/// Works out what changes do to limits and counters. With `entries_apart` each entry's part of a
/// counter stands for itself, to be guarded.
///
/// # Errors
/// Those of the database.
pub(crate) async fn of(
    connection: &mut MySqlConnection,
    changes: &[&ChangeRows],
    entries_apart: bool,
) -> Result<Allowances, sqlx::Error> {
    let needs = Needs::of(changes);
    if needs.limits.is_empty() {
        return Ok(Allowances::default());
    }
    let mut fold = Fold {
        limits: limits(connection, &needs.limits).await?,
        places: places(connection, &needs.places).await?,
        changed: HashSet::new(),
        spent: BTreeMap::new(),
        entries_apart,
    };
    for change in changes {
        fold.follow(change);
    }
    Ok(fold.finish())
}

/// What must be known before.
#[derive(Debug, Default)]
struct Needs<'a> {
    limits: HashSet<&'a Sku>,
    /// SKUs of which a stock goes: with the last goes the limit.
    places: HashSet<&'a Sku>,
}

impl<'a> Needs<'a> {
    fn of(changes: &[&'a ChangeRows]) -> Self {
        let mut needs = Self::default();
        for change in changes {
            match &change.change {
                Change::Reservation { reservation, .. } => {
                    for (sku, ..) in units(change, reservation) {
                        needs.limits.insert(sku);
                    }
                }
                Change::Stock { key, limit, .. } => {
                    if limit.is_some() {
                        needs.limits.insert(&key.sku);
                    }
                }
                Change::StockRepaired { .. } | Change::ReservationRepaired { .. } => {}
            }
            if change.retires() {
                for step in &change.stocks {
                    needs.limits.insert(&step.key.sku);
                    needs.places.insert(&step.key.sku);
                }
            }
        }
        needs
    }
}

/// Units of a SKU that count from, or come back to, a moment; of a generation, or of whichever limit
/// is in force.
type Units<'a> = (&'a Sku, i64, TimestampMs, Option<JournalId>);

fn units<'a>(change: &'a ChangeRows, reservation: &'a Reservation) -> Vec<Units<'a>> {
    // Nobody is counted who is not known.
    if reservation.customer.is_none() {
        return Vec::new();
    }
    let created = reservation.created;
    let sold = reservation.confirmed.as_ref();
    let kind = change.kind();
    match kind {
        ChangeKind::Reserved
        | ChangeKind::Released
        | ChangeKind::Expired
        | ChangeKind::Confirmed => counted_lines(change.stored.as_deref().unwrap_or_default())
            .into_iter()
            .filter_map(|(index, generation)| {
                let line = reservation.lines.as_slice().get(index)?;
                let held = i64::from(line.quantity);
                let units = if kind == ChangeKind::Reserved {
                    held
                } else {
                    // What was not sold comes back: of a hold that is over, all.
                    let sold = sold.map_or(0, |sold| sold.lines.quantity_of(line));
                    i64::from(sold).saturating_sub(held)
                };
                (units != 0).then_some((&line.sku, units, created, Some(generation)))
            })
            .collect(),
        ChangeKind::Reacquired => sold
            .into_iter()
            .flat_map(|sold| &sold.lines)
            .map(|line| (&line.sku, i64::from(line.quantity), change.at, None))
            .collect(),
        ChangeKind::Bound
        | ChangeKind::Tombstoned
        | ChangeKind::Extended
        | ChangeKind::Returned
        | ChangeKind::ReservationAttested
        | ChangeKind::ReservationRepaired
        | ChangeKind::Adjusted
        | ChangeKind::Counted
        | ChangeKind::Retired
        | ChangeKind::Attested
        | ChangeKind::Repaired => Vec::new(),
    }
}

#[derive(Debug)]
struct Fold {
    limits: HashMap<Sku, LimitNow>,
    places: HashMap<Sku, HashSet<Location>>,
    changed: HashSet<Sku>,
    spent: BTreeMap<Counter, Spent>,
    entries_apart: bool,
}

impl Fold {
    fn follow(&mut self, change: &ChangeRows) {
        match &change.change {
            Change::Reservation { reservation, .. } => {
                if let Some(customer) = &reservation.customer {
                    for units in units(change, reservation) {
                        self.spend(change, customer, units);
                    }
                }
            }
            Change::Stock {
                kind, key, limit, ..
            } => {
                if *kind == ChangeKind::Retired {
                    self.gone(change.id, &key.sku, &key.location);
                } else if let Some(places) = self.places.get_mut(&key.sku) {
                    places.insert(key.location.clone());
                }
                if let Some(limit) = limit {
                    self.limit(change.id, &key.sku, limit.as_ref());
                }
            }
            Change::StockRepaired { key, set, .. } => match set {
                SetStock::Removed { .. } => self.gone(change.id, &key.sku, &key.location),
                SetStock::Figures(_) => {
                    if let Some(places) = self.places.get_mut(&key.sku) {
                        places.insert(key.location.clone());
                    }
                }
            },
            Change::ReservationRepaired { .. } => {}
        }
    }

    fn spend(
        &mut self,
        change: &ChangeRows,
        customer: &CustomerId,
        (sku, units, at, generation): Units<'_>,
    ) {
        let entry = change.id;
        let Some(limit) = self.limits.get(sku) else {
            return;
        };
        if generation.is_some_and(|generation| generation != limit.generation)
            || entry < limit.generation
        {
            return;
        }
        let counter = Counter {
            sku: sku.clone(),
            generation: limit.generation,
            customer: customer.clone(),
            slice: limit.slice(at),
            entry: if self.entries_apart {
                entry
            } else {
                JournalId::default()
            },
        };
        let spent = self.spent.entry(counter).or_default();
        spent.units = spent.units.saturating_add(units);
        spent.changed = entry;
        spent.first_slice = limit.first_slice(change.at);
    }

    /// A limit that was copied from Redis after this entry has taken the entry into account.
    fn is_later(&self, entry: JournalId, sku: &Sku) -> bool {
        let limit = self.limits.get(sku);
        limit.is_some_and(|limit| limit.changed > entry)
    }

    fn limit(&mut self, entry: JournalId, sku: &Sku, set: Option<&PurchaseLimit>) {
        if self.is_later(entry, sku) {
            return;
        }
        let old = self.limits.remove(sku);
        let new = set.map(|limit| {
            let window_ms = u64::from(limit.window_seconds.unwrap_or(0)).saturating_mul(1_000);
            // A new quantity alone forgets nothing.
            let kept = old.filter(|old| old.window_ms == window_ms);
            LimitNow {
                quantity: limit.quantity,
                window_ms,
                generation: kept.map_or(entry, |kept| kept.generation),
                changed: entry,
            }
        });
        let generation = new.map(|new| new.generation);
        self.spent
            .retain(|counter, _| counter.sku != *sku || Some(counter.generation) == generation);
        self.changed.insert(sku.clone());
        if let Some(new) = new {
            self.limits.insert(sku.clone(), new);
        }
    }

    fn gone(&mut self, entry: JournalId, sku: &Sku, location: &Location) {
        let places = self.places.entry(sku.clone()).or_default();
        places.remove(location);
        if places.is_empty() && self.limits.contains_key(sku) {
            self.limit(entry, sku, None);
        }
    }

    fn finish(self) -> Allowances {
        let limits = self.limits;
        let changed = self.changed.into_iter();
        Allowances {
            limits: changed
                .map(|sku| {
                    let now = limits.get(&sku).copied();
                    (sku, now)
                })
                .collect(),
            spent: self
                .spent
                .into_iter()
                .filter(|(_, spent)| spent.units != 0)
                .collect(),
        }
    }
}

static LIMITS: Statement = Statement::among(
    "SELECT sku_id, quantity, window_ms, generation_epoch, generation_n, changed_epoch, changed_n
     FROM purchase_limit WHERE sku_id IN (",
);

async fn limits(
    connection: &mut MySqlConnection,
    skus: &HashSet<&Sku>,
) -> Result<HashMap<Sku, LimitNow>, sqlx::Error> {
    let skus: Vec<&Sku> = skus.iter().copied().collect();
    let rows = LIMITS
        .fetch(connection, &skus, |sku, values| {
            values.push(sku.as_str());
        })
        .await?;
    let mut limits = HashMap::with_capacity(rows.len());
    for row in &rows {
        let id = |epoch: &str, n: &str| {
            Ok::<_, sqlx::Error>(JournalId {
                epoch: Epoch(row.try_get(epoch)?),
                n: row.try_get(n)?,
            })
        };
        let limit = LimitNow {
            quantity: row.try_get(1)?,
            window_ms: row.try_get(2)?,
            generation: id("generation_epoch", "generation_n")?,
            changed: id("changed_epoch", "changed_n")?,
        };
        if let Ok(sku) = Sku::parse(row.try_get(0)?) {
            limits.insert(sku, limit);
        }
    }
    Ok(limits)
}

static PLACES: Statement = Statement::among(
    "SELECT sku_id, location_id FROM stock_item WHERE NOT retired AND sku_id IN (",
);

/// Where stock of these SKUs is.
async fn places(
    connection: &mut MySqlConnection,
    skus: &HashSet<&Sku>,
) -> Result<HashMap<Sku, HashSet<Location>>, sqlx::Error> {
    let skus: Vec<&Sku> = skus.iter().copied().collect();
    let rows = PLACES
        .fetch(connection, &skus, |sku, values| {
            values.push(sku.as_str());
        })
        .await?;
    let mut places: HashMap<Sku, HashSet<Location>> = skus
        .into_iter()
        .map(|sku| (sku.clone(), HashSet::new()))
        .collect();
    for row in &rows {
        let (sku, location): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        if let (Some(places), Ok(location)) = (places.get_mut(sku), Location::parse(location)) {
            places.insert(location);
        }
    }
    Ok(places)
}
