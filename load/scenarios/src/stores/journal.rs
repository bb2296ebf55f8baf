//! The journal, read while it is written: it is trimmed a minute after its entries are in MariaDB.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use inventory_core::{
    Change, ChangeKind, Entry, EntryBody, JournalId, Lines, Reservation, ShardId, StockAfter,
    engine::{Durability, Engine, EngineConfig, ProjectionMode},
};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::timeout};

use crate::flow::{Figures, Flow};

const ENTRIES_MAX: usize = 1_000;
/// A stretch without news; the machine has better things to do than to look more often.
const PAUSE: Duration = Duration::from_millis(300);
/// The machine is busy on purpose.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the end may take to come.
const PATIENCE: Duration = Duration::from_secs(300);
/// Problems in a list are enough.
const PROBLEMS_MAX: usize = 10;

/// What the entries of the run add up to.
#[derive(Debug, Default)]
pub struct Ledger {
    skus: HashSet<String>,
    seeded: i64,
    /// By what became of them.
    pub flow: Flow,
    /// Of each SKU that was touched, after its last entry.
    pub figures: BTreeMap<String, Figures>,
    adjusted: BTreeMap<String, i64>,
    /// Entries that touch the run's SKUs.
    pub entries: u64,
    /// Changes in them.
    pub changes: u64,
    /// The fewest units that any of the SKUs had available.
    pub fewest: Option<i64>,
    /// Units that each return brought back, by its id.
    pub returns: HashMap<String, i64>,
    /// Units held and sold in the first entry that left none available.
    pub sold_out: Option<Figures>,
    /// What must never be.
    pub problems: Vec<String>,
}

impl Ledger {
    /// Of these SKUs, each with so many units at the start.
    #[must_use]
    pub fn new(skus: &[String], seeded: i64) -> Self {
        Self {
            skus: skus.iter().cloned().collect(),
            seeded,
            ..Self::default()
        }
    }

    /// Adds an entry.
    pub fn take(&mut self, entry: &Entry) {
        let EntryBody::Changes { stocks, changes } = &entry.body else {
            return;
        };
        let ours = |stock: &&StockAfter| self.skus.contains(stock.key.sku.as_str());
        if stocks.iter().filter(ours).count() == 0 {
            return;
        }
        self.entries += 1;
        for change in changes {
            self.change(entry.id, change);
        }
        for stock in stocks {
            if self.skus.contains(stock.key.sku.as_str()) {
                self.stock(entry.id, stock);
            }
        }
    }

    fn change(&mut self, at: JournalId, change: &Change) {
        match change {
            Change::Reservation {
                kind, reservation, ..
            } => self.reservation(*kind, reservation),
            Change::Stock {
                key, ledger_delta, ..
            } => {
                if !self.skus.contains(key.sku.as_str()) {
                    return;
                }
                self.changes += 1;
                self.flow.adjusted += ledger_delta;
                *self
                    .adjusted
                    .entry(key.sku.as_str().to_owned())
                    .or_default() += ledger_delta;
            }
            Change::StockRepaired { key, .. } if self.skus.contains(key.sku.as_str()) => {
                self.problem(format!("entry {at} is a repair of {}", key.sku));
            }
            Change::StockRepaired { .. } | Change::ReservationRepaired { .. } => {}
        }
    }

    fn reservation(&mut self, kind: ChangeKind, of: &Reservation) {
        let held = self.units(&of.lines);
        if held == 0 {
            return;
        }
        self.changes += 1;
        let sold = of
            .confirmed
            .as_ref()
            .map_or(0, |sold| self.units(&sold.lines));
        let back = of.returns.last().map_or(0, |back| self.units(&back.lines));
        let flow = &mut self.flow;
        match kind {
            ChangeKind::Reserved => flow.held += held,
            ChangeKind::Confirmed => {
                flow.confirmed += sold;
                flow.released += held - sold;
            }
            // As if it had not expired.
            ChangeKind::Reacquired => {
                flow.expired -= held;
                flow.confirmed += sold;
                flow.released += held - sold;
            }
            ChangeKind::Released => flow.released += held,
            ChangeKind::Expired => flow.expired += held,
            ChangeKind::Returned => {
                flow.returned += back;
                let id = of.returns.last().map(|back| back.id.as_str().to_owned());
                self.returns.extend(id.map(|id| (id, back)));
            }
            ChangeKind::Bound
            | ChangeKind::Tombstoned
            | ChangeKind::Extended
            | ChangeKind::Adjusted
            | ChangeKind::Counted
            | ChangeKind::Retired
            | ChangeKind::Attested
            | ChangeKind::ReservationAttested
            | ChangeKind::Repaired
            | ChangeKind::ReservationRepaired => {}
        }
    }

    /// Nothing is sold twice, at no moment: whatever happened, all units are somewhere.
    fn stock(&mut self, at: JournalId, stock: &StockAfter) {
        let units = |units: u64| i64::try_from(units).unwrap_or(i64::MAX);
        let figures = Figures {
            available: units(stock.available),
            reserved: units(stock.reserved),
            sold: units(stock.sold),
        };
        let sku = stock.key.sku.as_str();
        let should = self.seeded + self.adjusted.get(sku).copied().unwrap_or(0);
        if figures.all() != should {
            let Figures {
                available,
                reserved,
                sold,
            } = figures;
            self.problem(format!(
                "entry {at} leaves {available} available, {reserved} held and {sold} sold of {sku}, which are not {should}"
            ));
        }
        self.fewest = Some(self.fewest.unwrap_or(i64::MAX).min(figures.available));
        if figures.available == 0 && self.sold_out.is_none() {
            self.sold_out = Some(figures);
        }
        self.figures.insert(sku.to_owned(), figures);
    }

    fn units(&self, lines: &Lines) -> i64 {
        let lines = lines.as_slice().iter();
        let ours = lines.filter(|line| self.skus.contains(line.sku.as_str()));
        ours.map(|line| i64::from(line.quantity)).sum()
    }

    fn problem(&mut self, what: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(what);
        }
    }
}

/// Reads the journal from now on.
#[derive(Debug)]
pub(crate) struct JournalReader {
    engine: Engine,
    end: watch::Sender<Option<JournalId>>,
    reading: JoinHandle<Result<Ledger, String>>,
}

impl JournalReader {
    /// Begins after the last entry there is.
    pub(crate) async fn start(redis_url: &str, ledger: Ledger) -> Result<Self, String> {
        let config = EngineConfig {
            // It writes nothing and opens nothing.
            projection: ProjectionMode::Required,
            durability: Durability::None,
            durability_unverified: true,
            call_timeout: CALL_TIMEOUT,
            who: "load".to_owned(),
            ..EngineConfig::new(redis_url)
        };
        let engine = Engine::connect(config)
            .await
            .map_err(|error| format!("Redis: {error}"))?;
        let after = last(&engine).await?;
        let (end, ends) = watch::channel(None);
        let reader = engine.clone();
        let reading = Handle::current().spawn(read(reader, after, ends, ledger));
        Ok(Self {
            engine,
            end,
            reading,
        })
    }

    /// The last entry there is.
    pub(crate) async fn last(&self) -> Result<Option<JournalId>, String> {
        last(&self.engine).await
    }

    /// All up to this entry.
    pub(crate) async fn finish(self, end: Option<JournalId>) -> Result<Ledger, String> {
        // No entry at all: nothing is waited for.
        self.end.send_replace(Some(end.unwrap_or_default()));
        let read = timeout(PATIENCE, self.reading).await;
        let read =
            read.map_err(|_| format!("the journal was not read to its end within {PATIENCE:?}"))?;
        read.map_err(|error| error.to_string())?
    }
}

async fn last(engine: &Engine) -> Result<Option<JournalId>, String> {
    let survey = engine.survey(ShardId::ZERO).await;
    Ok(survey.map_err(|fault| format!("Redis: {fault}"))?.last)
}

async fn read(
    engine: Engine,
    mut after: Option<JournalId>,
    mut ends: watch::Receiver<Option<JournalId>>,
    mut ledger: Ledger,
) -> Result<Ledger, String> {
    loop {
        let entries = engine
            .entries(ShardId::ZERO, after, ENTRIES_MAX, Duration::ZERO)
            .await
            .map_err(|fault| format!("reading the journal: {fault}"))?;
        let is_full = entries.len() == ENTRIES_MAX;
        for raw in entries {
            if let Some(before) = after.filter(|before| !follows(*before, raw.id)) {
                return Err(format!(
                    "between entries {before} and {} the journal was trimmed before it was read",
                    raw.id
                ));
            }
            after = Some(raw.id);
            let entry = raw
                .parse()
                .map_err(|error| format!("entry {}: {error}", raw.id))?;
            ledger.take(&entry);
        }
        if is_full {
            continue;
        }
        let end = *ends.borrow_and_update();
        if end.is_some_and(|end| after.unwrap_or_default() >= end) {
            return Ok(ledger);
        }
        // Either it has something to say by then, or it is told where the end is.
        drop(timeout(PAUSE, ends.changed()).await);
    }
}

/// Within an epoch there is no gap; an epoch begins at 0.
fn follows(before: JournalId, after: JournalId) -> bool {
    match before.epoch == after.epoch {
        true => after.n == before.n + 1,
        false => after.n == 0,
    }
}

#[cfg(test)]
mod tests {
    use inventory_core::{
        Confirmed, Context, Epoch, Line, Location, OperationId, ReservationId, Returned, Sku,
        Status, StockKey, TimestampMs,
    };

    use super::*;

    fn lines(sku: &str, quantity: u32) -> Lines {
        let (sku, location) = (Sku::parse(sku).unwrap(), Location::default());
        Lines::stored(vec![Line {
            sku,
            location,
            quantity,
        }])
    }

    fn reservation(sku: &str, quantity: u32) -> Reservation {
        Reservation {
            id: ReservationId::derived("r-1").unwrap(),
            status: Status::Reserved,
            lines: lines(sku, quantity),
            order: None,
            customer: None,
            metadata: None,
            created: TimestampMs(1),
            deadline: TimestampMs(2),
            confirmed: None,
            released: None,
            expired_at: None,
            returns: Vec::new(),
            last_change: JournalId::default(),
        }
    }

    fn entry(kind: ChangeKind, of: Reservation, [available, reserved, sold]: [u64; 3]) -> Entry {
        let key = StockKey {
            sku: of.lines.as_slice()[0].sku.clone(),
            location: Location::default(),
        };
        let change = Change::Reservation {
            kind,
            context: Context::default(),
            reservation: Box::new(of),
        };
        let after = StockAfter {
            key,
            available,
            reserved,
            sold,
            version: 2,
        };
        Entry {
            id: JournalId::default(),
            at: TimestampMs(1),
            body: EntryBody::Changes {
                stocks: vec![after],
                changes: vec![change],
            },
        }
    }

    fn ledger() -> Ledger {
        Ledger::new(&["a".to_owned()], 10)
    }

    #[test]
    fn every_kind_of_change_goes_where_it_belongs() {
        let mut ledger = ledger();
        let mut sold = reservation("a", 3);
        ledger.take(&entry(ChangeKind::Reserved, sold.clone(), [7, 3, 0]));
        sold.confirmed = Some(Confirmed {
            at: TimestampMs(1),
            lines: lines("a", 2),
            reacquired: false,
        });
        ledger.take(&entry(ChangeKind::Confirmed, sold.clone(), [8, 0, 2]));
        sold.returns.push(Returned {
            id: OperationId::parse("x").unwrap(),
            at: TimestampMs(1),
            lines: lines("a", 1),
        });
        ledger.take(&entry(ChangeKind::Returned, sold, [9, 0, 1]));
        ledger.take(&entry(ChangeKind::Reserved, reservation("a", 9), [0, 9, 1]));
        ledger.take(&entry(ChangeKind::Expired, reservation("a", 9), [9, 0, 1]));
        let flow = Flow {
            held: 12,
            confirmed: 2,
            released: 1,
            returned: 1,
            expired: 9,
            adjusted: 0,
        };
        assert_eq!((ledger.flow, ledger.entries), (flow, 5));
        assert_eq!(ledger.returns["x"], 1);
        assert_eq!(ledger.problems, [""; 0]);
        assert_eq!(
            ledger.sold_out,
            Some(Figures {
                available: 0,
                reserved: 9,
                sold: 1
            })
        );
        assert_eq!(ledger.flow.gone(), 10 - ledger.figures["a"].available);
    }

    #[test]
    fn a_hold_that_was_sold_after_it_expired_counts_as_sold() {
        let mut ledger = ledger();
        let mut late = reservation("a", 2);
        ledger.take(&entry(ChangeKind::Reserved, late.clone(), [8, 2, 0]));
        ledger.take(&entry(ChangeKind::Expired, late.clone(), [10, 0, 0]));
        late.confirmed = Some(Confirmed {
            at: TimestampMs(1),
            lines: lines("a", 2),
            reacquired: true,
        });
        ledger.take(&entry(ChangeKind::Reacquired, late, [8, 0, 2]));
        assert_eq!(
            (ledger.flow.expired, ledger.flow.open(), ledger.flow.gone()),
            (0, 0, 2)
        );
    }

    #[test]
    fn a_unit_from_nowhere_is_a_problem_and_others_stock_is_none() {
        let mut ledger = ledger();
        ledger.take(&entry(ChangeKind::Reserved, reservation("b", 1), [0, 1, 0]));
        assert_eq!(ledger.entries, 0);
        ledger.take(&entry(
            ChangeKind::Reserved,
            reservation("a", 1),
            [10, 1, 0],
        ));
        assert!(
            ledger.problems[0].contains("10 available, 1 held and 0 sold of a, which are not 10"),
            "{:?}",
            ledger.problems
        );
    }

    #[test]
    fn a_gap_is_seen() {
        let id = |epoch, n| JournalId {
            epoch: Epoch(epoch),
            n,
        };
        assert!(follows(id(1, 4), id(1, 5)) && follows(id(1, 4), id(2, 0)));
        assert!(!follows(id(1, 4), id(1, 6)) && !follows(id(1, 4), id(2, 1)));
    }
}
