//! The engine and the model, side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    time::{Duration, Instant},
};

use devstack::redis::RedisServer;
use inventory_core::{
    engine::{Durability, Engine, EngineConfig, Held, ProjectionMode, RawEntry, ShardClock},
    limits::BATCH_RESERVATIONS_MAX,
    model::{Model, ModelReply},
    *,
};

use crate::{
    raw::{Raw, RawState},
    steps::{Ask, Case, Expected, IDS, Limit, Part, STOCKS, Step, Which},
};

const SHARD: ShardId = ShardId::ZERO;
const T0: TimestampMs = TimestampMs(1_700_000_000_000);
const CUSTOMERS: u8 = 2;

/// Both sides of one case. What differs is an `Err` with both values.
pub(crate) struct Pair {
    engine: Engine,
    raw: Raw,
    clock: ShardClock,
    pub(crate) model: Model,
    pub(crate) now: TimestampMs,
    menu: Vec<Lines>,
    /// Entries of the model's journal that were compared.
    compared: usize,
}

/// Runs a case on an emptied Redis.
pub(crate) async fn run_case(redis: &RedisServer, case: &Case) -> Result<(), String> {
    let mut pair = Pair::new(redis).await?;
    pair.menu = case.menu.iter().map(|lines| lines_of(lines)).collect();
    for (stock, on_hand) in (0..).zip(&case.on_hand) {
        if let Some(on_hand) = *on_hand {
            let operation = format!("first-{stock}");
            pair.count(&a_count(&operation, stock_key(stock), on_hand))
                .await?;
        }
    }
    for (index, step) in case.steps.iter().enumerate() {
        let done = async {
            pair.step(step).await?;
            pair.compare_state().await
        };
        done.await
            .map_err(|what| format!("step {index}, {step:?}: {what}"))?;
    }
    pair.compare_listing().await
}

impl Pair {
    /// An empty shard, freshly blessed.
    pub(crate) async fn new(redis: &RedisServer) -> Result<Self, String> {
        let mut raw = Raw::connect(&redis.url()).await?;
        raw.flush().await?;
        let clock = ShardClock::manual(T0);
        let config = EngineConfig {
            durability: Durability::None,
            projection: ProjectionMode::None,
            clock: clock.clone(),
            pool_size: 2,
            ..EngineConfig::new(&redis.url())
        };
        let engine = Engine::connect(config)
            .await
            .map_err(|error| error.to_string())?;
        let epoch = engine.gate(SHARD)?;
        Ok(Self {
            engine,
            raw,
            clock,
            model: Model::new(epoch, 1),
            now: T0,
            menu: Vec::new(),
            compared: 0,
        })
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.clock.advance_ms(ms);
        self.now = self.now.plus_ms(ms);
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
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

    // === one operation on both ===

    pub(crate) async fn reserve(&mut self, commands: &[Reserve]) -> Result<(), String> {
        let replies = self.engine.reserve_batch(SHARD, commands, soon()).await;
        let before = self.model.journal().len();
        let expected = self.model_reserves(commands);
        if expected.iter().all(Result::is_err) {
            self.nothing_but_expiry(before)?;
        }
        let replies: Vec<_> = replies
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(fault)?;
        same("replies", &replies, &expected)
    }

    /// Calls as the engine makes them: of those that wait, as many as one call may take, up to the
    /// first id that is in it already; what is undecided waits on.
    fn model_reserves(&mut self, commands: &[Reserve]) -> Vec<Outcome<Held>> {
        let mut decided: Vec<Option<Outcome<Held>>> = commands.iter().map(|_| None).collect();
        loop {
            let mut call: Vec<usize> = Vec::new();
            for place in (0..commands.len()).filter(|&place| decided[place].is_none()) {
                let known = call
                    .iter()
                    .any(|&other| commands[other].id == commands[place].id);
                if known || call.len() == BATCH_RESERVATIONS_MAX {
                    break;
                }
                call.push(place);
            }
            if call.is_empty() {
                return decided.into_iter().flatten().collect();
            }
            let batch: Vec<_> = call.iter().map(|&place| commands[place].clone()).collect();
            for (place, reply) in call
                .into_iter()
                .zip(self.model.reserve_batch(self.now, &batch))
            {
                decided[place] = reply.ok();
            }
        }
    }

    pub(crate) async fn confirm(&mut self, command: &Confirm) -> Result<(), String> {
        let reply = self.engine.confirm(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.confirm(now, command))
    }

    pub(crate) async fn release(&mut self, command: &Release) -> Result<(), String> {
        let reply = self.engine.release(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.release(now, command))
    }

    pub(crate) async fn extend(&mut self, command: &Extend) -> Result<(), String> {
        let reply = self.engine.extend(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.extend(now, command))
    }

    pub(crate) async fn return_goods(&mut self, command: &Return) -> Result<(), String> {
        let reply = self.engine.return_goods(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.return_goods(now, command))
    }

    pub(crate) async fn adjust(&mut self, command: &Adjust) -> Result<(), String> {
        let reply = self.engine.adjust(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.adjust(now, command))
    }

    pub(crate) async fn count(&mut self, command: &Count) -> Result<(), String> {
        let reply = self.engine.count(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.count(now, command))
    }

    pub(crate) async fn retire(&mut self, command: &Retire) -> Result<(), String> {
        let reply = self.engine.retire(SHARD, command, soon()).await;
        self.check(reply, |model, now| model.retire(now, command))
    }

    /// A repair that keeps what must be true: units in holds and sold stay as they are, and what it
    /// adds is in its ledger delta.
    async fn repair(
        &mut self,
        stock: u8,
        available: Option<u64>,
        version_above: u64,
        stale: bool,
    ) -> Result<(), String> {
        let key = stock_key(stock);
        let there = self.model.stock(&key);
        let (found, reserved, sold) = match &there {
            Some(stock) => (stock.available, stock.reserved, stock.sold),
            None => {
                let mut retired = self.model.retired();
                let sold = retired.find(|(other, ..)| **other == key);
                (0, 0, sold.map_or(0, |(_, sold, _)| sold))
            }
        };
        let set = match available {
            None if reserved == 0 => SetStock::Removed { sold },
            available => SetStock::Figures([available.unwrap_or(0), reserved, sold]),
        };
        let expected = there.map_or(Kept::Absent, |stock| {
            let version = stock.version + u64::from(stale);
            Kept::Is([stock.available, stock.reserved, stock.sold, version])
        });
        let command = RepairStock {
            key,
            expected,
            set,
            version_above,
            ledger_delta: available.unwrap_or(0).cast_signed() - found.cast_signed(),
            reason: Text::parse("a test").unwrap(),
            context: context(),
        };
        let reply = self.engine.repair_stock(SHARD, &command, soon()).await;
        let expected = self.model.repair_stock(self.now, &command);
        same("repair", &reply.map_err(fault)?, &expected)
    }

    pub(crate) async fn expire(&mut self, command: Expire) -> Result<(), String> {
        let swept = self
            .engine
            .expire(SHARD, command, soon())
            .await
            .map_err(fault)?;
        let expected = self.model.expire(self.now, command);
        same("swept", &swept, &expected)
    }

    /// The model learns which of the purgeable records went. Only one that changed after it was
    /// closed may stay: it has gone back to the end of the purger's queue.
    pub(crate) async fn purge(&mut self, retention_ms: u64) -> Result<(), String> {
        let retention = Duration::from_millis(retention_ms);
        let keep = Duration::from_secs(1_000_000_000);
        loop {
            let purged = self
                .engine
                .purge(SHARD, retention, keep, u64::MAX, soon())
                .await
                .map_err(fault)?;
            if purged.records == 0 && !purged.more {
                break;
            }
        }
        let left = self.raw.state(self.now).await?;
        let (reservations, operations) = self.model.purgeable(self.now, retention_ms);
        for id in &reservations {
            if !left.reservations.contains(id) {
                self.model.forget_reservation(id);
                continue;
            }
            let kept = self.model.reservation(id);
            let changed_later = kept.is_some_and(|r| {
                !r.returns.is_empty() || r.confirmed.as_ref().is_some_and(|c| c.reacquired)
            });
            if !changed_later {
                return Err(format!("{id} should have been purged: {kept:?}"));
            }
        }
        for id in &operations {
            if left.operations.contains(id) {
                return Err(format!("the outcome of {id} should have been purged"));
            }
            self.model.forget_operation(id);
        }
        Ok(())
    }

    fn check<T: Debug + PartialEq>(
        &mut self,
        reply: Result<Outcome<T>, Fault>,
        ask: impl Fn(&mut Model, TimestampMs) -> ModelReply<T>,
    ) -> Result<(), String> {
        let before = self.model.journal().len();
        let expected = loop {
            if let Ok(expected) = ask(&mut self.model, self.now) {
                break expected;
            }
        };
        if expected.is_err() {
            self.nothing_but_expiry(before)?;
        }
        same("reply", &reply.map_err(fault)?, &expected)
    }

    /// A refused call has changed nothing, except that due holds expired.
    fn nothing_but_expiry(&self, before: usize) -> Result<(), String> {
        let expired = |change: &Change| {
            matches!(
                change,
                Change::Reservation {
                    kind: ChangeKind::Expired,
                    ..
                }
            )
        };
        let fine = |entry: &Entry| match &entry.body {
            EntryBody::Changes { changes, .. } => changes.iter().all(expired),
            EntryBody::Bless { .. } => false,
        };
        match self.model.journal()[before..]
            .iter()
            .find(|entry| !fine(entry))
        {
            Some(entry) => Err(format!("a refusal changed something: {entry:?}")),
            None => Ok(()),
        }
    }

    // === the whole state ===

    pub(crate) async fn compare_state(&mut self) -> Result<(), String> {
        self.model.check_invariants()?;
        self.compare_journal().await?;
        let raw = self.raw.state(self.now).await?;
        same("keys, deadlines and counters", &raw, &self.expected_raw())?;

        let keys: Vec<_> = (0..STOCKS).map(stock_key).collect();
        let read = self
            .engine
            .stock(SHARD, &keys, soon())
            .await
            .map_err(fault)?;
        let expected: Vec<_> = keys.iter().map(|key| self.model.stock(key)).collect();
        same("stocks", &read.stocks, &expected)?;

        for expected in self.model.reservations() {
            let read = self
                .engine
                .reservation(SHARD, &expected.id, soon())
                .await
                .map_err(fault)?;
            same(
                "reservation",
                &read.as_ref().map(|read| &read.reservation),
                &Some(expected),
            )?;
            same("clock", &read.map(|read| read.now), &Some(self.now))?;
        }
        let retired = self.engine.retired(SHARD).await.map_err(fault)?;
        let retired: BTreeSet<_> = retired
            .values
            .into_iter()
            .map(|kept| (kept.key, kept.sold, kept.version))
            .collect();
        let expected = self.model.retired();
        let expected = expected.map(|(key, sold, version)| (key.clone(), sold, version));
        same("retired stocks", &retired, &expected.collect())?;

        let none = reservation_id(IDS);
        let read = self
            .engine
            .reservation(SHARD, &none, soon())
            .await
            .map_err(fault)?;
        same("a reservation that never was", &read, &None)
    }

    /// The entries since the last look. Who asked is not compared where a hold expired: nobody did.
    async fn compare_journal(&mut self) -> Result<(), String> {
        let expected = &self.model.journal()[self.compared..];
        let after = JournalId {
            epoch: self.model.next_entry().epoch,
            n: self.compared as u64,
        };
        let most = expected.len() + 1;
        let raw = self
            .engine
            .entries(SHARD, Some(after), most, Duration::ZERO)
            .await
            .map_err(fault)?;
        let read = raw.iter().map(RawEntry::parse);
        let read = read.collect::<Result<Vec<_>, _>>()?;
        let expected: Vec<_> = expected.iter().cloned().map(plain).collect();
        self.compared += expected.len();
        let plain: Vec<_> = read.iter().cloned().map(plain).collect();
        same("journal entries", &plain, &expected)?;
        self.compare_stored(&raw, &read).await
    }

    /// What the new entries say that Redis keeps is what it keeps, byte by byte.
    async fn compare_stored(&mut self, raw: &[RawEntry], read: &[Entry]) -> Result<(), String> {
        let mut last = BTreeMap::new();
        for (raw, read) in raw.iter().zip(read) {
            let EntryBody::Changes { changes, .. } = &read.body else {
                return Err(format!("{} changes nothing", read.id));
            };
            for (item, change) in changes.iter().enumerate() {
                let name = match change {
                    Change::Reservation { reservation, .. } => format!("rsv:{}", reservation.id),
                    Change::Stock {
                        operation: Some(operation),
                        ..
                    } => format!("op:{operation}"),
                    Change::Stock { .. }
                    | Change::StockRepaired { .. }
                    | Change::ReservationRepaired { .. } => {
                        same("stored", &raw.stored(item), &None)?;
                        continue;
                    }
                };
                last.insert(name, raw.stored(item));
            }
        }
        for (name, stored) in last {
            let kept = self.raw.bytes(&name).await?;
            if kept.is_none() || kept != stored {
                return Err(format!("{name}: {kept:?}, its last entry says {stored:?}"));
            }
        }
        Ok(())
    }

    fn expected_raw(&self) -> RawState {
        let mut used = BTreeMap::new();
        let skus: BTreeSet<_> = (0..STOCKS).map(|stock| stock_key(stock).sku).collect();
        for sku in skus {
            for customer in (0..CUSTOMERS).map(customer_id) {
                match self.model.used(self.now, &sku, &customer) {
                    0 => {}
                    units => _ = used.insert((sku.clone(), customer), units),
                }
            }
        }
        RawState {
            stocks: self
                .model
                .stocks()
                .into_iter()
                .map(|stock| stock.key)
                .collect(),
            reservations: self.model.reservations().map(|r| r.id.clone()).collect(),
            operations: self.model.operations().cloned().collect(),
            deadlines: self.model.open_deadlines(),
            used,
            entries: self.model.next_entry().n,
        }
    }

    /// All pages of the listing, which goes by the bytes of `<location>|<sku>`.
    async fn compare_listing(&self) -> Result<(), String> {
        let mut listed = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .engine
                .list_stock(SHARD, from.as_ref(), 2, soon())
                .await
                .map_err(fault)?;
            listed.extend(page.stocks);
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let mut expected = self.model.stocks();
        expected.sort_by_key(|stock| stock.key.to_string());
        same("listing", &listed, &expected)
    }

    // === commands ===

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

pub(crate) fn reservation_id(id: u8) -> ReservationId {
    ReservationId::parse(&format!("r{id}")).unwrap()
}

pub(crate) fn operation_id(id: &str) -> OperationId {
    OperationId::parse(id).unwrap()
}

fn customer_id(id: u8) -> CustomerId {
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

/// An entry with its figures in order, and without who asked where a hold expired.
fn plain(mut entry: Entry) -> Entry {
    if let EntryBody::Changes { stocks, changes } = &mut entry.body {
        stocks.sort_by(|a, b| a.key.cmp(&b.key));
        for change in changes {
            if let Change::Reservation {
                kind: ChangeKind::Expired,
                context,
                ..
            } = change
            {
                *context = Context::default();
            }
        }
    }
    entry
}

/// No call of these tests may take so long.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn fault(fault: Fault) -> String {
    format!("the engine faults: {fault}")
}

fn same<T: Debug + PartialEq>(what: &str, engine: &T, model: &T) -> Result<(), String> {
    match engine == model {
        true => Ok(()),
        false => Err(format!(
            "{what} differ\n engine: {engine:?}\n model:  {model:?}"
        )),
    }
}
