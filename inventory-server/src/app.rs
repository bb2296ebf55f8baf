//! What every handler works with.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use inventory_core::{
    Code, Fault, Outcome, ShardId, Success,
    engine::{Engine, Held},
};
use tokio::sync::Semaphore;

use crate::{
    auth::Access,
    body::Budget,
    coalesce::{Coalescer, ReserveCall, Shed, StockCall},
    config::Config,
    limits::BATCH_REQUESTS_IN_FLIGHT_MAX,
    metrics::{Metrics, Operation},
    problem::{Problem, Subject},
    watch::Watch,
};

/// One server's shared state.
pub(crate) struct App {
    pub(crate) access: Access,
    pub(crate) engine: Engine,
    /// The only shard, for commands that name a reservation and no SKU.
    pub(crate) shard: ShardId,
    pub(crate) policy: Policy,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reserves: Coalescer<ReserveCall>,
    pub(crate) stocks: Coalescer<StockCall>,
    pub(crate) watch: Watch,
    /// What the bodies of all requests may take.
    pub(crate) bodies: Budget,
    /// Commands other than reserves that are under way.
    commands: Semaphore,
    /// Batch requests that are worked on.
    batches: Semaphore,
    draining: AtomicBool,
    journal_full: AtomicBool,
}

/// What the configuration says about requests.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) default_ttl_seconds: u32,
    pub(crate) max_hold_seconds: u32,
    pub(crate) request_timeout: Duration,
    pub(crate) body_timeout: Duration,
}

impl Policy {
    /// The time a hold lasts, in ms: what was asked or the default, capped at the longest life.
    pub(crate) fn ttl_ms(&self, asked_seconds: Option<u32>) -> u32 {
        asked_seconds
            .unwrap_or(self.default_ttl_seconds)
            .min(self.max_hold_seconds)
            .saturating_mul(1_000)
    }

    /// The longest life of a hold, in ms.
    pub(crate) const fn max_hold_ms(&self) -> u32 {
        self.max_hold_seconds.saturating_mul(1_000)
    }
}

impl App {
    pub(crate) fn new(engine: Engine, config: &Config, metrics: Arc<Metrics>) -> Self {
        let shard = engine.shard_ids().first().copied().unwrap_or(ShardId::ZERO);
        let reserve = ReserveCall::new(engine.clone(), shard, Arc::clone(&metrics));
        let stock = StockCall::new(engine.clone(), shard, Arc::clone(&metrics));
        Self {
            access: Access::of(&config.auth),
            shard,
            policy: Policy {
                default_ttl_seconds: config.default_ttl_seconds,
                max_hold_seconds: config.max_hold_seconds,
                request_timeout: config.request_timeout,
                body_timeout: config.body_timeout,
            },
            reserves: Coalescer::start(reserve, config.queue_max, config.batches_in_flight),
            watch: Watch::new(config.streams_max),
            bodies: Budget::new(config.body_budget_bytes),
            stocks: Coalescer::start(stock, config.queue_max, config.batches_in_flight),
            commands: Semaphore::new(config.queue_max),
            batches: Semaphore::new(BATCH_REQUESTS_IN_FLIGHT_MAX),
            draining: AtomicBool::new(false),
            journal_full: AtomicBool::new(false),
            engine,
            metrics,
        }
    }

    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn set_journal_full(&self, full: bool) {
        self.journal_full.store(full, Ordering::Release);
        self.metrics.shard.journal_full.set(i64::from(full));
    }

    pub(crate) fn is_journal_full(&self) -> bool {
        self.journal_full.load(Ordering::Acquire)
    }

    /// Refuses reserves while the journal is over its budget; everything else goes on, so that
    /// holds can be confirmed, released and expired.
    pub(crate) fn admit_reserves(&self) -> Result<(), Problem> {
        if self.is_journal_full() {
            let detail = "the journal is at its memory budget; no new holds until the projection has caught up";
            return Err(Problem::new(Code::JournalFull, detail));
        }
        Ok(())
    }

    /// Makes one command's call, within the number of commands under way.
    pub(crate) async fn command<T>(
        &self,
        operation: Operation,
        subject: &Subject<'_>,
        call: impl Future<Output = Result<Outcome<T>, Fault>> + Send,
    ) -> Result<Success<T>, Problem> {
        let Ok(_permit) = self.commands.try_acquire() else {
            return Err(self.shed(operation, Shed::Full, subject));
        };
        let started = Instant::now();
        let outcome = call.await;
        self.metrics.operations.called(operation, started.elapsed());
        self.settle(operation, subject, outcome)
    }

    /// Makes one read's call, within the number of commands under way.
    pub(crate) async fn read<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Problem> {
        let read = async {
            call.await.map(|value| {
                Ok(Success {
                    value,
                    replayed: false,
                })
            })
        };
        Ok(self.command(operation, &Subject::READ, read).await?.value)
    }

    /// Counts what became of a command and turns a "no" into a problem.
    pub(crate) fn settle<T>(
        &self,
        operation: Operation,
        subject: &Subject<'_>,
        outcome: Result<Outcome<T>, Fault>,
    ) -> Result<Success<T>, Problem> {
        let problem = match outcome {
            Ok(Ok(success)) => {
                self.metrics
                    .operations
                    .succeeded(operation, success.replayed);
                return Ok(success);
            }
            Ok(Err(refusal)) => Problem::from_refusal(refusal, subject),
            Err(fault) => Problem::from_fault(&fault, subject),
        };
        self.metrics.operations.refused(operation, problem.code);
        Err(problem)
    }

    /// Counts a request that was not sent, or whose answer got lost.
    pub(crate) fn shed(&self, operation: Operation, shed: Shed, subject: &Subject<'_>) -> Problem {
        let problem = match shed {
            Shed::Full => Problem::new(
                Code::Overloaded,
                "too many requests wait already; nothing was changed",
            ),
            Shed::Late => Problem::new(
                Code::Overloaded,
                "the request waited too long to be sent; nothing was changed",
            ),
            Shed::Lost => Problem::outcome_unknown(subject),
        };
        self.metrics.operations.refused(operation, problem.code);
        problem
    }

    /// One of the few places for batch requests, within the request's deadline.
    pub(crate) async fn batch_place(
        &self,
        deadline: Instant,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout_at(deadline.into(), self.batches.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Problem::new(
                Code::Overloaded,
                "too many batch requests are worked on; nothing was changed",
            )),
        }
    }

    /// Reserves without the queue, for batch requests. One result for each command, in order.
    pub(crate) async fn reserve_many(
        &self,
        commands: &[inventory_core::Reserve],
        deadline: Instant,
    ) -> Vec<Result<Outcome<Held>, Fault>> {
        let started = Instant::now();
        let outcomes = self
            .engine
            .reserve_batch(self.shard, commands, deadline)
            .await;
        self.metrics
            .operations
            .called(Operation::Reserve, started.elapsed());
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_as_asked_but_not_longer_than_any_may() {
        let policy = Policy {
            default_ttl_seconds: 900,
            max_hold_seconds: 1_200,
            request_timeout: Duration::from_secs(2),
            body_timeout: Duration::from_secs(10),
        };
        assert_eq!(policy.ttl_ms(None), 900_000);
        assert_eq!(policy.ttl_ms(Some(1)), 1_000);
        assert_eq!(policy.ttl_ms(Some(86_400)), 1_200_000);
        assert_eq!(
            Policy {
                max_hold_seconds: 600,
                ..policy
            }
            .ttl_ms(None),
            600_000
        );
    }
}
