use std::{sync::atomic::Ordering, time::Duration};

use inventory_core::{Epoch, JournalId, TimestampMs};
use serde_json::json;

use super::{Scene, Trouble, epochs::clip};
use crate::{cursor::shard_number, time};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A new epoch over what Redis had.
    Opened,
    /// What changed after Redis' end was put back.
    Restored,
    /// Redis was filled from nothing.
    Rebuilt,
    /// MariaDB was filled from Redis.
    Resynced,
}

impl Kind {
    /// As the column has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "OPENED",
            Self::Restored => "RESTORED",
            Self::Rebuilt => "REBUILT",
            Self::Resynced => "RESYNCED",
        }
    }
}

/// How much of each kind was carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Stocks.
    pub stocks: u64,
    /// Stocks that were retired.
    pub retired: u64,
    /// Open holds.
    pub holds: u64,
    /// Reservations that are over.
    pub closed: u64,
    /// Outcomes of adjustments and counts.
    pub operations: u64,
    /// Purchase limits.
    pub limits: u64,
    /// Customers' counters of limits.
    pub counters: u64,
    /// Open holds that got a new deadline because theirs passed while the shard was closed.
    pub graced: u64,
    /// Things that the other side did not have any more, and that were removed.
    pub removed: u64,
    /// Things that could not be read, and were left out.
    pub unreadable: u64,
}

impl Counts {
    /// All that was carried over.
    #[must_use]
    pub fn carried(&self) -> u64 {
        [
            self.stocks,
            self.retired,
            self.holds,
            self.closed,
            self.operations,
            self.limits,
            self.counters,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// What a recovery found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was done.
    pub kind: Kind,
    /// When it began, on the shard's clock.
    pub at: TimestampMs,
    /// The last journal entry that Redis had.
    pub redis_end: Option<JournalId>,
    /// The last journal entry that MariaDB had.
    pub position: JournalId,
    /// The epoch in which the shard goes on.
    pub epoch: Epoch,
    /// Why.
    pub why: String,
    /// Who did it.
    pub who: String,
    /// What was carried over.
    pub counts: Counts,
    /// Redis may have acknowledged changes that neither side has: nobody can list them, a server
    /// that outlived Redis counts them (`inventory_lost_entries`).
    pub lost_unknown: bool,
    /// How long it took.
    pub duration: Duration,
}

impl Report {
    /// As one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let counts = &self.counts;
        json!({
            "kind": self.kind.as_str(),
            "at": time::rfc3339(self.at),
            "redisEnd": self.redis_end.map(|id| id.to_string()),
            "position": self.position.to_string(),
            "epoch": self.epoch.0,
            "why": self.why,
            "who": self.who,
            "stocks": counts.stocks,
            "retired": counts.retired,
            "holds": counts.holds,
            "closed": counts.closed,
            "operations": counts.operations,
            "limits": counts.limits,
            "counters": counts.counters,
            "graced": counts.graced,
            "removed": counts.removed,
            "unreadable": counts.unreadable,
            "lostUnknown": self.lost_unknown,
            "durationMs": self.duration_ms(),
        })
        .to_string()
    }

    fn duration_ms(&self) -> u64 {
        u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX)
    }

    /// Logs it, counts it, and writes it down.
    pub(super) async fn keep(&self, scene: &Scene) -> Result<(), Trouble> {
        let report = self.to_json();
        tracing::info!(epoch = %self.epoch, report, "recovered");
        let status = &scene.status;
        match self.kind {
            Kind::Restored => drop(status.restores.fetch_add(1, Ordering::Relaxed)),
            Kind::Rebuilt => drop(status.rebuilds.fetch_add(1, Ordering::Relaxed)),
            Kind::Opened | Kind::Resynced => {}
        }
        status.recovered(report.clone());
        sqlx::query(
            "INSERT INTO recovery_report (shard, at, kind, epoch, why, duration_ms, report)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(shard_number(scene.shard))
        .bind(time::sql(self.at))
        .bind(self.kind.as_str())
        .bind(self.epoch.0)
        .bind(clip(&self.why, 256))
        .bind(self.duration_ms())
        .bind(report)
        .execute(&scene.pool)
        .await?;
        Ok(())
    }
}
