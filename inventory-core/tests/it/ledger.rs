//! The journal, applied to nothing, must give what Redis holds: an independent replayer, and the
//! comparison that the tests end with.

use std::collections::{BTreeMap, BTreeSet};

use inventory_core::{engine::Engine, *};

use crate::support::*;

/// Entries read at once.
const PAGE: usize = 1_000;

/// Signed, so that a fall below 0 is seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sums {
    available: i128,
    reserved: i128,
    sold: i128,
    version: u64,
}

/// What the entries so far come to.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Absolute figures, as the entries state them.
    pub(crate) stocks: BTreeMap<StockKey, StockAfter>,
    /// The same as the sum of what each change says it does.
    sums: BTreeMap<StockKey, Sums>,
    pub(crate) reservations: BTreeMap<ReservationId, Reservation>,
    pub(crate) operations: BTreeSet<OperationId>,
    pub(crate) limits: BTreeMap<Sku, PurchaseLimit>,
    last: Option<JournalId>,
}

/// All entries that the journal has.
pub(crate) async fn entries(engine: &Engine) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map(|entry| entry.id);
        let page = engine.journal(S, after, PAGE, soon()).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Checks the whole store: the journal without a gap from its first entry, what it adds up to, and
/// that Redis holds exactly that. For a store from which nothing was purged or trimmed.
pub(crate) async fn check_books(store: &Store) -> Ledger {
    let mut ledger = Ledger::default();
    for entry in entries(&store.engine).await {
        ledger.apply(&entry);
    }
    ledger.check_reserved();
    ledger.check_redis(store).await;
    ledger
}

impl Ledger {
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.follow(entry);
        let EntryBody::Changes { stocks, changes } = &entry.body else {
            return;
        };
        assert!(!changes.is_empty(), "{} says nothing", entry.id);
        for change in changes {
            match change {
                Change::Reservation {
                    kind, reservation, ..
                } => {
                    assert_eq!(reservation.last_change, entry.id);
                    self.reservation(*kind, reservation);
                }
                Change::Stock {
                    kind,
                    operation,
                    key,
                    delta,
                    limit,
                    ..
                } => {
                    if let Some(operation) = operation {
                        let fresh = self.operations.insert(operation.clone());
                        assert!(fresh, "{operation} happened twice");
                    }
                    if let Some(limit) = limit {
                        match limit {
                            Some(limit) => self.limits.insert(key.sku.clone(), *limit),
                            None => self.limits.remove(&key.sku),
                        };
                    }
                    self.stock(*kind, key, *delta);
                }
                Change::StockRepaired { key, set, .. } => self.repaired(key, *set, &stocks[0]),
                Change::ReservationRepaired { id, set, .. } => {
                    self.reservations.remove(id);
                    if let Some(set) = set {
                        assert_eq!(set.last_change, entry.id);
                        self.reservations.insert(id.clone(), (**set).clone());
                    }
                }
            }
        }
        for after in stocks {
            if let Some(sums) = self.sums.get(&after.key) {
                let figures = [after.available, after.reserved, after.sold].map(i128::from);
                assert_eq!(
                    figures,
                    [sums.available, sums.reserved, sums.sold],
                    "{} at {}: the deltas come to something else",
                    after.key,
                    entry.id
                );
                assert_eq!(after.version, sums.version, "{} at {}", after.key, entry.id);
                self.stocks.insert(after.key.clone(), after.clone());
            }
        }
    }

    /// Entries of an epoch count 0, 1, 2...; the first is the blessing and names its predecessor.
    fn follow(&mut self, entry: &Entry) {
        match self.last {
            Some(last) if last.epoch == entry.id.epoch => assert_eq!(entry.id.n, last.n + 1),
            last => {
                assert!(last.is_none_or(|last| last.epoch < entry.id.epoch));
                let EntryBody::Bless { previous, .. } = &entry.body else {
                    panic!("an epoch begins with {entry:?}");
                };
                assert_eq!((entry.id.n, *previous), (0, last));
            }
        }
        self.last = Some(entry.id);
    }

    fn step(&mut self, key: &StockKey, available: i128, reserved: i128, sold: i128) {
        let sums = self.sums.get_mut(key).unwrap();
        sums.available += available;
        sums.reserved += reserved;
        sums.sold += sold;
        sums.version += 1;
        assert!(
            sums.available >= 0 && sums.reserved >= 0 && sums.sold >= 0,
            "{key} falls to {sums:?}"
        );
    }

    /// Absolute figures, under a version above the last.
    fn repaired(&mut self, key: &StockKey, set: SetStock, after: &StockAfter) {
        let before = self.sums.remove(key);
        assert!(before.is_none_or(|before| before.version < after.version));
        let SetStock::Figures([available, reserved, sold]) = set else {
            self.stocks.remove(key);
            return;
        };
        let sums = Sums {
            available: available.into(),
            reserved: reserved.into(),
            sold: sold.into(),
            version: after.version,
        };
        self.sums.insert(key.clone(), sums);
    }

    fn stock(&mut self, kind: ChangeKind, key: &StockKey, delta: i64) {
        if kind == ChangeKind::Retired {
            self.sums.remove(key).unwrap();
            self.stocks.remove(key).unwrap();
            if self.sums.keys().all(|other| other.sku != key.sku) {
                self.limits.remove(&key.sku);
            }
            return;
        }
        if kind == ChangeKind::Counted {
            self.sums.entry(key.clone()).or_default();
        }
        assert!(kind != ChangeKind::Attested || delta == 0);
        self.step(key, i128::from(delta), 0, 0);
    }

    fn reservation(&mut self, kind: ChangeKind, after: &Reservation) {
        let before = self.reservations.insert(after.id.clone(), after.clone());
        let from = before.map(|before| before.status);
        let open = Some(Status::Reserved);
        let resolves_once = match kind {
            ChangeKind::Reserved | ChangeKind::Tombstoned => from.is_none(),
            ChangeKind::Reacquired => from == Some(Status::Expired),
            ChangeKind::Returned => {
                matches!(from, Some(Status::Confirmed | Status::PartiallyReturned))
            }
            ChangeKind::ReservationAttested => from == Some(after.status),
            ChangeKind::Bound
            | ChangeKind::Extended
            | ChangeKind::Confirmed
            | ChangeKind::Released
            | ChangeKind::Expired => from == open,
            ChangeKind::Adjusted
            | ChangeKind::Counted
            | ChangeKind::Retired
            | ChangeKind::Attested
            | ChangeKind::Repaired
            | ChangeKind::ReservationRepaired => false,
        };
        assert!(resolves_once, "{kind:?} of {} from {from:?}", after.id);
        for line in &after.lines {
            let key = line.stock_key();
            let held = i128::from(line.quantity);
            let sold = after
                .confirmed
                .as_ref()
                .map_or(0, |c| i128::from(c.lines.quantity_of(line)));
            let back = after
                .returns
                .last()
                .map_or(0, |r| i128::from(r.lines.quantity_of(line)));
            match kind {
                ChangeKind::Reserved => self.step(&key, -held, held, 0),
                ChangeKind::Released | ChangeKind::Expired => self.step(&key, held, -held, 0),
                ChangeKind::Confirmed => self.step(&key, held - sold, -held, sold),
                ChangeKind::Reacquired if sold > 0 => self.step(&key, -sold, 0, sold),
                ChangeKind::Returned if back > 0 => self.step(&key, back, 0, -back),
                ChangeKind::Reacquired
                | ChangeKind::Returned
                | ChangeKind::Bound
                | ChangeKind::Extended
                | ChangeKind::Tombstoned
                | ChangeKind::ReservationAttested
                | ChangeKind::Adjusted
                | ChangeKind::Counted
                | ChangeKind::Retired
                | ChangeKind::Attested
                | ChangeKind::Repaired
                | ChangeKind::ReservationRepaired => {}
            }
        }
    }

    /// reserved = sum of open holds; sold = sum of what was confirmed less what came back.
    fn check_reserved(&self) {
        let mut reserved: BTreeMap<StockKey, u64> = BTreeMap::new();
        let mut sold: BTreeMap<StockKey, u64> = BTreeMap::new();
        for record in self.reservations.values() {
            for line in &record.lines {
                if record.status == Status::Reserved {
                    *reserved.entry(line.stock_key()).or_default() += u64::from(line.quantity);
                }
                *sold.entry(line.stock_key()).or_default() += u64::from(record.returnable(line));
            }
        }
        for (key, stock) in &self.stocks {
            let sums = (reserved.get(key), sold.get(key));
            let sums = (sums.0.copied().unwrap_or(0), sums.1.copied().unwrap_or(0));
            assert_eq!((stock.reserved, stock.sold), sums, "{key}: records");
        }
    }

    async fn check_redis(&self, store: &Store) {
        let mut expected: BTreeSet<String> = BTreeSet::new();
        expected.extend(self.operations.iter().map(|id| k(&format!("op:{id}"))));
        for (id, record) in &self.reservations {
            expected.insert(k(&format!("rsv:{id}")));
            assert_eq!(store.record(id.as_str()).await.as_ref(), Some(record));
        }
        for (key, after) in &self.stocks {
            let name = k(&format!("stock:{}:{}", key.location, key.sku));
            let stock = store.stock(&key.to_string()).await.unwrap();
            let StockAfter {
                key,
                available,
                reserved,
                sold,
                version,
            } = after.clone();
            let purchase_limit = self.limits.get(&key.sku).copied();
            let stated = Stock {
                key,
                available,
                reserved,
                sold,
                version,
                purchase_limit,
            };
            assert_eq!(stock, stated);
            expected.insert(name);
        }
        let names = names(&store.redis).into_iter();
        let records = |name: &String| {
            let name = name.strip_prefix("inv:{s0}:").unwrap();
            ["rsv:", "op:", "stock:"]
                .iter()
                .any(|kind| name.starts_with(kind))
        };
        assert_eq!(names.filter(records).collect::<BTreeSet<_>>(), expected);
        self.check_indexes(store).await;
    }

    async fn check_indexes(&self, store: &Store) {
        let held = store.raw(&["ZRANGE", &k("deadlines"), "0", "-1", "WITHSCORES"]);
        let held: BTreeMap<ReservationId, TimestampMs> = held
            .items()
            .unwrap()
            .chunks(2)
            .map(|pair| {
                let deadline = pair[1].text().unwrap().parse().unwrap();
                (rid(&pair[0].text().unwrap()), TimestampMs(deadline))
            })
            .collect();
        let open = self.reservations.iter();
        let open = open.filter(|(_, record)| record.status == Status::Reserved);
        let open = open.map(|(id, record)| (id.clone(), record.deadline));
        assert_eq!(held, open.collect());
        let mut listed = BTreeSet::new();
        let mut from = None;
        loop {
            let page = store.engine.list_stock(S, from.as_ref(), 1_000, soon());
            let page = page.await.unwrap();
            listed.extend(page.stocks.into_iter().map(|stock| stock.key));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(listed, self.stocks.keys().cloned().collect());
        let closed = store.raw(&["LRANGE", &k("closed"), "0", "-1"]);
        let closed: BTreeSet<String> = closed
            .items()
            .unwrap()
            .iter()
            .map(|entry| entry.text().unwrap())
            .collect();
        let records = self.reservations.values();
        let records = records.filter(|record| record.status != Status::Reserved);
        let mut expected: BTreeSet<_> = records.map(|record| format!("r{}", record.id)).collect();
        expected.extend(self.operations.iter().map(|id| format!("o{id}")));
        assert_eq!(closed, expected);
    }
}
