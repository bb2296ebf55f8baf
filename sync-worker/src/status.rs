//! What a worker knows about itself: written by its loop, read by readiness and metrics.

mod lag;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Instant,
};

use inventory_core::{Epoch, JournalId};

pub use self::lag::Lag;

/// What the worker is doing with its shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// It has not looked yet.
    #[default]
    Starting,
    /// Another worker owns the shard.
    Standby {
        /// Who.
        owner: String,
    },
    /// The journal is being projected.
    Following,
    /// Redis is being copied into MariaDB.
    Resync {
        /// Things copied so far.
        copied: u64,
    },
    /// MariaDB is being copied into Redis.
    Restoring {
        /// Things restored so far.
        restored: u64,
        /// Things to restore.
        total: u64,
    },
    /// Redis or MariaDB is away; the worker waits and tries again.
    Waiting {
        /// For what.
        why: String,
    },
    /// The shard stays closed until an operator decides.
    Fenced {
        /// Why, and what to do.
        why: String,
    },
}

impl Phase {
    /// A word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby { .. } => "standby",
            Self::Following => "following",
            Self::Resync { .. } => "resync",
            Self::Restoring { .. } => "restoring",
            Self::Waiting { .. } => "waiting",
            Self::Fenced { .. } => "fenced",
        }
    }
}

/// Figures of one worker and its shard. Counters only rise; gauges are as of the last look.
#[derive(Debug, Default)]
pub struct Status {
    phase: Mutex<Phase>,
    position: Mutex<Option<JournalId>>,
    last_recovery: Mutex<Option<String>>,
    lag: Mutex<Lag>,
    /// Entries applied by this process.
    pub entries_applied: AtomicU64,
    /// Changes applied by this process.
    pub changes_applied: AtomicU64,
    /// Apply transactions committed by this process.
    pub batches_applied: AtomicU64,
    /// Changes whose before-values differ from the row that they replace.
    pub drift: AtomicU64,
    /// Changes put aside by this process.
    pub dead_letters: AtomicU64,
    /// Faults of Redis or MariaDB after which this process tried again.
    pub retries: AtomicU64,
    /// Entries in the journal.
    pub journal_entries: AtomicU64,
    /// Times that this process opened the shard (blessed it).
    pub blessings: AtomicU64,
    /// Full rebuilds of Redis that this process finished.
    pub rebuilds: AtomicU64,
    /// Restores of a lost tail that this process finished.
    pub restores: AtomicU64,
    /// Whether the last statement to MariaDB went through.
    pub database_up: AtomicBool,
    /// Whether the last command to Redis went through.
    pub redis_up: AtomicBool,
}

impl Status {
    /// What the worker is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes what the worker is doing; logs a change of phase.
    pub fn enter(&self, phase: Phase) {
        let mut now = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if now.name() != phase.name() {
            tracing::info!(from = now.name(), to = phase.name(), ?phase, "phase");
        }
        *now = phase;
    }

    /// The last entry applied.
    #[must_use]
    pub fn position(&self) -> Option<JournalId> {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the last entry applied.
    pub fn moved(&self, to: JournalId) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
    }

    /// The epoch of the last entry applied.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        self.position().map(|position| position.epoch)
    }

    /// The report of the last recovery, as JSON.
    #[must_use]
    pub fn last_recovery(&self) -> Option<String> {
        self.last_recovery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps the report of a recovery.
    pub fn recovered(&self, report: String) {
        *self
            .last_recovery
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// How far the projection is behind now, in ms: see [`Lag::ms`].
    #[must_use]
    pub fn lag_ms(&self) -> u64 {
        self.lag
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ms(Instant::now())
    }

    /// Notes how far the projection is behind.
    pub fn lag(&self, lag: Lag) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }

    /// From now on this worker is to project, or should be able to; what is known already stays.
    pub fn lag_counts(&self) {
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        if *lag == Lag::NotOurs {
            *lag = Lag::Level(Instant::now());
        }
    }
}
