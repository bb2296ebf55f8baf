//! Stock commands: what the shop's events ask of the engine.
//!
//! | event | command | key |
//! |---|---|---|
//! | `order.placed` | reserve | `reserve:<orderId>` |
//! | `order.confirmed` | confirm, also after expiry | `confirm:<orderId>` |
//! | `order.cancelled` | release | `release:<orderId>` |
//! | `payment.cancelled` with items | return | `return:<refundId>` |
//! | `product.sku.created` | create, with the initial quantity | `create:<skuId>` |
//!
//! Four steps, each of which may be the last one of this process: (1) a key that is in
//! `inventory_command` was handled before; (2) the engine is asked, with ids that a repeat has again;
//! (3) one transaction writes the key, the outcome and, if it is a no, the event that tells it; (4)
//! the offset is committed. Where another worker has written the contrary meanwhile, what this one
//! did is undone: the order was told what stands there.
//!
//! What changes stock is told by the projection, as the journal has it. A fenced shard, and Redis or
//! MariaDB away, let the partition wait.

mod bond;
mod command;
mod confirm;
mod create;
mod failed;
mod ledger;
mod metrics;
mod read;
mod release;
mod reserve;
mod return_goods;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::{Envelope, EventType, inventory};
use inventory_core::{Context, Fault, ReservationId, ShardId, Text, engine::Engine};
use serde_json::value::RawValue;
use service_kit::{
    consumer::{Event, FreeHandler, HandlerError, Outcome},
    relay::Waker,
};
use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

use self::{
    command::{Command, Kind, Task, Verdict},
    ledger::{Against, Known, Ledger, Written},
    read::Asked,
};
pub use self::{ledger::prune, metrics::CommandMetrics};
use crate::{
    cursor,
    limits::{COMMAND_ENGINE_TIMEOUT, COMMAND_LOOKS_MAX, COMMAND_PRUNE_EVERY, COMMAND_RETENTION},
};

/// The consumer group, the same for every worker; and the name in dead letters.
pub const GROUP: &str = "sync-worker";

/// The events that are commands.
pub const TYPES: [EventType; 5] = [
    EventType::OrderPlaced,
    EventType::OrderConfirmed,
    EventType::OrderCancelled,
    EventType::PaymentCancelled,
    EventType::ProductSkuCreated,
];

/// Does what commands ask. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Commands(Arc<Shop>);

#[derive(Debug)]
struct Shop {
    engine: Engine,
    shard: ShardId,
    ledger: Ledger,
    hold_ms: u32,
    waker: Waker,
    metrics: CommandMetrics,
}

/// What one attempt works with.
#[derive(Debug)]
struct Engines<'a> {
    engine: &'a Engine,
    shard: ShardId,
    pool: &'a MySqlPool,
    deadline: Instant,
}

impl Commands {
    /// `engine` must be one that obeys the gate; a hold for an order lasts `hold`; `waker` is that of
    /// the relay in this process.
    #[must_use]
    pub fn new(
        engine: Engine,
        shard: ShardId,
        pool: MySqlPool,
        hold: Duration,
        waker: Waker,
        metrics: CommandMetrics,
    ) -> Self {
        Self(Arc::new(Shop {
            engine,
            shard,
            ledger: Ledger::new(pool),
            hold_ms: u32::try_from(hold.as_millis()).unwrap_or(u32::MAX),
            waker,
            metrics,
        }))
    }

    /// Does what an event asks, all but the commit of its offset.
    ///
    /// # Errors
    /// [`HandlerError`]: to be tried again, or never to succeed.
    pub async fn execute(
        &self,
        event_type: EventType,
        cause: &Envelope<&RawValue>,
    ) -> Result<Outcome, HandlerError> {
        match read::read(event_type, cause, self.0.hold_ms)? {
            Asked::Nothing(why) => Ok(Outcome::Skipped(why)),
            Asked::Command(command) => {
                self.0.execute(&command, cause).await?;
                Ok(Outcome::Done)
            }
        }
    }

    /// Removes outcomes that nobody can ask for any more, until `stop`.
    pub async fn prune_until(&self, stop: CancellationToken) {
        loop {
            let pruned = prune(self.0.ledger.pool(), COMMAND_RETENTION);
            let Some(pruned) = stop.run_until_cancelled(pruned).await else {
                return;
            };
            match pruned {
                Ok(rows) => self.0.metrics.pruned(rows),
                Err(error) => tracing::warn!(%error, "removing old outcomes of commands"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(COMMAND_PRUNE_EVERY) => {}
            }
        }
    }
}

impl FreeHandler for Commands {
    fn name(&self) -> &str {
        GROUP
    }

    async fn handle(&self, event: &Event<'_>) -> Result<Outcome, HandlerError> {
        self.execute(event.event_type(), event.envelope()).await
    }
}

impl Shop {
    async fn execute<U>(&self, command: &Command, cause: &Envelope<U>) -> Result<(), HandlerError> {
        let now = Instant::now();
        let engines = Engines {
            engine: &self.engine,
            shard: self.shard,
            pool: self.ledger.pool(),
            deadline: now.checked_add(COMMAND_ENGINE_TIMEOUT).unwrap_or(now),
        };
        match self.ledger.known(command).await? {
            Known::New => {}
            // Whoever did the contrary may have died before it was undone.
            Known::Decided(ledger::Outcome::Refused) | Known::Released => {
                engines.undo_left_behind(command).await?;
                self.metrics.count(command.kind, "repeated", None);
                return Ok(());
            }
            Known::Decided(ledger::Outcome::Done) => {
                self.metrics.count(command.kind, "repeated", None);
                return Ok(());
            }
        }
        let mut looks = 1;
        loop {
            let verdict = engines.ask(command).await?;
            let against = match command.kind {
                Kind::Reserve if verdict.is_done() => Against::Release,
                // A hold that is not found again and again is gone, or has another name.
                Kind::Release if verdict == release::NOTHING && looks < COMMAND_LOOKS_MAX => {
                    Against::Reserve
                }
                Kind::Reserve | Kind::Confirm | Kind::Release | Kind::Return | Kind::Create => {
                    Against::Nothing
                }
            };
            let settled = self.settle(&engines, command, cause, verdict, against);
            if settled.await? {
                return Ok(());
            }
            looks += 1;
        }
    }

    /// Writes what a command came to; `false` when the engine is to be asked again.
    async fn settle<U>(
        &self,
        engines: &Engines<'_>,
        command: &Command,
        cause: &Envelope<U>,
        verdict: Verdict,
        against: Against,
    ) -> Result<bool, HandlerError> {
        let failed = failed::event(command, &verdict, cause)?;
        let write = self
            .ledger
            .write(command, &cause.id, &verdict, failed, against);
        match write.await? {
            Written::Ours => {
                self.waker.wake();
                self.count(command, &verdict);
            }
            Written::Theirs(theirs) if theirs == ledger::Outcome::of(&verdict) => {
                self.metrics.count(command.kind, "repeated", None);
            }
            // They reserved, or sold: there is no no to tell.
            Written::Theirs(ledger::Outcome::Done) => {
                self.metrics.count(command.kind, "repeated", None);
            }
            Written::Theirs(ledger::Outcome::Refused) => {
                match command.kind {
                    Kind::Reserve | Kind::Confirm => engines.undo(command).await?,
                    // Goods that came back are back.
                    Kind::Release | Kind::Return | Kind::Create => {
                        self.ledger.set_done(command).await?;
                    }
                }
                self.metrics.count(command.kind, "undone", None);
            }
            Written::Crossed if command.kind == Kind::Reserve => {
                engines.undo(command).await?;
                self.metrics.count(command.kind, "undone", None);
            }
            Written::Crossed => return Ok(false),
        }
        Ok(true)
    }

    fn count(&self, command: &Command, verdict: &Verdict) {
        let outcome = if verdict.is_done() { "done" } else { "refused" };
        self.metrics.count(command.kind, outcome, verdict.reason());
        if let Verdict::Refused { reason, .. } = verdict {
            let (kind, about) = (command.kind.name(), command.subject.as_str());
            match &command.task {
                Task::Invalid(error) => {
                    tracing::warn!(kind, about, reason, error, "a command is not valid");
                }
                Task::Reserve(_)
                | Task::Confirm { .. }
                | Task::Release { .. }
                | Task::Return { .. }
                | Task::Create(_)
                | Task::Nothing => tracing::info!(kind, about, reason, "a command is refused"),
            }
        }
    }
}

impl Engines<'_> {
    async fn ask(&self, command: &Command) -> Result<Verdict, HandlerError> {
        match &command.task {
            Task::Reserve(reserve) => self.reserve(reserve).await,
            Task::Confirm { order, confirm } => self.confirm(order, confirm).await,
            Task::Release {
                order,
                release,
                lines,
            } => self.release(order, release, lines.as_ref()).await,
            Task::Return { order, give } => self.return_goods(order, give).await,
            Task::Create(count) => self.create(count).await,
            Task::Nothing => Ok(release::NOTHING),
            Task::Invalid(_) => Ok(Verdict::refused(inventory::INVALID)),
        }
    }

    /// Undoes what a worker did that died before it saw that there was a contrary outcome: an open hold
    /// of the order's, and a sale that the journal says was made for this very event.
    async fn undo_left_behind(&self, command: &Command) -> Result<(), HandlerError> {
        if let Task::Confirm { confirm, .. } = &command.task
            && !self.did(&confirm.id, &confirm.context).await?
        {
            return Ok(());
        }
        self.undo(command).await
    }

    /// Whether the journal says that this very command has changed the reservation.
    ///
    /// # Errors
    /// Transient while it does not say so, and the projection has not come to the last change yet.
    async fn did(&self, id: &ReservationId, context: &Context) -> Result<bool, HandlerError> {
        // Before the log is read: what is projected in between is found in it.
        let cursor = cursor::read(self.pool, self.shard).await?;
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT CAST(1 AS SIGNED) FROM stock_journal
             WHERE reservation_id = ? AND request_id = ? LIMIT 1",
        )
        .bind(id.as_str())
        .bind(context.request_id.as_ref().map(Text::as_str))
        .fetch_optional(self.pool)
        .await?;
        if found.is_some() {
            return Ok(true);
        }
        let read = self.engine.reservation(self.shard, id, self.deadline).await;
        let last = read
            .map_err(fault)?
            .map(|read| read.reservation.last_change);
        match cursor.zip(last) {
            Some((cursor, last)) if cursor.position < last => {
                Err(HandlerError::transient(format!(
                    "{id} was changed in {last}, and the projection is at {}: it is not known yet by \
                     which command",
                    cursor.position
                )))
            }
            Some(_) | None => Ok(false),
        }
    }

    async fn undo(&self, command: &Command) -> Result<(), HandlerError> {
        match &command.task {
            Task::Reserve(reserve) => self.undo_reserve(reserve).await,
            Task::Confirm { order, confirm } => self.undo_confirm(order, confirm).await,
            Task::Release { .. }
            | Task::Return { .. }
            | Task::Create(_)
            | Task::Nothing
            | Task::Invalid(_) => Ok(()),
        }
    }
}

/// What a fault of the store means for a command. A call whose outcome is unknown is made again, with
/// the same ids.
fn fault(fault: Fault) -> HandlerError {
    let code = fault.code().as_str();
    match fault {
        Fault::Fenced(_) | Fault::Unavailable(_) | Fault::OutcomeUnknown(_) | Fault::ReapMore => {
            HandlerError::transient(format!("{code}: {fault}"))
        }
        // Only what needs the key is put aside; it is replayed once that is repaired.
        Fault::Corrupt { .. } | Fault::Protocol(_) => HandlerError::permanent(code, fault),
    }
}
