//! The engine and the model, side by side.

mod commands;
mod compare;

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use devstack::redis::RedisServer;
use inventory_core::{
    engine::{ConnectError, Durability, Engine, EngineConfig, Held, ProjectionMode, ShardClock},
    limits::BATCH_RESERVATIONS_MAX,
    model::{Model, ModelReply},
    *,
};

pub(crate) use self::commands::{a_count, an_adjustment, context, lines_of, stock_key};
use crate::{raw::Raw, steps::Case};

const SHARD: ShardId = ShardId::ZERO;
const T0: TimestampMs = TimestampMs(1_700_000_000_000);

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
    /// An empty shard, freshly blessed. The pair that used this Redis before must have been dropped:
    /// its engine would take the emptied Redis for a loss and bless it under another epoch.
    pub(crate) async fn new(redis: &RedisServer) -> Result<Self, String> {
        let mut raw = Raw::connect(&redis.url()).await?;
        raw.flush().await?;
        let clock = ShardClock::manual(T0);
        let config = EngineConfig {
            durability: Durability::None,
            projection: ProjectionMode::None,
            clock: clock.clone(),
            pool_size: 2,
            // A call that is cut off and repeated has another answer than the model's.
            call_timeout: Duration::from_secs(30),
            ..EngineConfig::new(&redis.url())
        };
        let engine = connected(&config).await?;
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
}

/// An engine whose connections are there: opening one may take two seconds at most, which a busy
/// machine misses now and then, and no case is about that.
async fn connected(config: &EngineConfig) -> Result<Engine, String> {
    let late = soon();
    loop {
        let engine = match Engine::connect(config.clone()).await {
            Err(ConnectError::Unreachable(_)) if Instant::now() < late => continue,
            connected => connected.map_err(|error| error.to_string())?,
        };
        // The pool's first one, and the one for the journal.
        let asked = match engine.status(SHARD, soon()).await {
            Ok(_) => engine.entries(SHARD, None, 1, Duration::ZERO).await,
            Err(fault) => Err(fault),
        };
        match asked {
            Err(Fault::Unavailable(_)) if Instant::now() < late => {}
            asked => return asked.map(|_| engine).map_err(fault),
        }
    }
}

/// No call of these tests may take so long.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
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
