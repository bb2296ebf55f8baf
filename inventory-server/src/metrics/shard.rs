use std::sync::atomic::AtomicU64;

use inventory_core::engine::{ShardStatus, Swept};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};

/// How the shard stands, as the background tasks last saw it.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) fenced: Gauge,
    epoch: Gauge,
    open_holds: Gauge,
    journal_entries: Gauge,
    journal_bytes: Gauge,
    journal_max_bytes: Gauge,
    pub(crate) journal_full: Gauge,
    redis_memory: Gauge,
    redis_memory_max: Gauge,
    redis_clients: Gauge,
    projection: Gauge,
    lost_entries: Gauge,
    fences: Gauge,
    sweeper_lag: Gauge<f64, AtomicU64>,
    holds_expired: Counter,
    holds_corrupt: Counter,
    pub(crate) records_purged: Counter,
    pub(crate) entries_trimmed: Counter,
}

impl Shard {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let s = Self::default();
        registry.register(
            "fenced",
            "1 while the shard is fenced and writes answer 503",
            s.fenced.clone(),
        );
        registry.register(
            "epoch",
            "Epoch that this process is admitted to; 0 while fenced",
            s.epoch.clone(),
        );
        registry.register("open_holds", "Open holds", s.open_holds.clone());
        registry.register(
            "journal_entries",
            "Entries in the journal",
            s.journal_entries.clone(),
        );
        registry.register_with_unit(
            "journal",
            "Memory of the journal",
            Unit::Bytes,
            s.journal_bytes.clone(),
        );
        registry.register_with_unit(
            "journal_max",
            "Memory of the journal from which reserves answer 503 JOURNAL_FULL",
            Unit::Bytes,
            s.journal_max_bytes.clone(),
        );
        registry.register(
            "journal_full",
            "1 while reserves answer 503 JOURNAL_FULL",
            s.journal_full.clone(),
        );
        registry.register_with_unit(
            "redis_memory",
            "Memory that Redis uses",
            Unit::Bytes,
            s.redis_memory.clone(),
        );
        registry.register_with_unit(
            "redis_memory_max",
            "Memory that Redis may use (maxmemory); 0 when nothing limits it",
            Unit::Bytes,
            s.redis_memory_max.clone(),
        );
        registry.register(
            "redis_clients",
            "Connections to Redis, of everybody",
            s.redis_clients.clone(),
        );
        registry.register(
            "projection_attached",
            "1 while a projection is attached",
            s.projection.clone(),
        );
        let help =
            "Acknowledged journal entries known to have been lost since this process started";
        registry.register("lost_entries", help, s.lost_entries.clone());
        registry.register(
            "fences",
            "Times this process was fenced since it started",
            s.fences.clone(),
        );
        let help = "Age of the oldest due deadline before the last sweep";
        registry.register_with_unit("sweeper_lag", help, Unit::Seconds, s.sweeper_lag.clone());
        registry.register(
            "holds_expired",
            "Holds expired by the sweeper",
            s.holds_expired.clone(),
        );
        let help = "Due holds that could not be expired because a key is corrupt, per try";
        registry.register("holds_corrupt", help, s.holds_corrupt.clone());
        registry.register(
            "records_purged",
            "Closed records removed",
            s.records_purged.clone(),
        );
        registry.register(
            "journal_entries_trimmed",
            "Journal entries trimmed",
            s.entries_trimmed.clone(),
        );
        s
    }

    /// The journal's budget, which stays as it is.
    pub(crate) fn set_journal_max(&self, bytes: u64) {
        self.journal_max_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Takes over what the engine said.
    pub(crate) fn set_status(&self, status: &ShardStatus) {
        let gauge = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        gauge(&self.epoch, status.epoch.map_or(0, |epoch| epoch.0));
        gauge(&self.fenced, u64::from(status.fenced.is_some()));
        gauge(&self.open_holds, status.open_holds);
        gauge(&self.journal_entries, status.journal_entries);
        gauge(&self.journal_bytes, status.journal_bytes);
        gauge(&self.redis_memory, status.used_memory_bytes);
        gauge(&self.redis_memory_max, status.max_memory_bytes);
        gauge(&self.redis_clients, status.clients);
        gauge(&self.projection, u64::from(status.projected));
        gauge(&self.lost_entries, status.lost_entries);
        gauge(&self.fences, status.fences);
    }

    /// Takes over what a bite of the sweeper did.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a lag of 285,000 years would lose a millisecond"
    )]
    pub(crate) fn swept(&self, swept: Swept) {
        self.sweeper_lag.set(swept.lag_ms as f64 / 1_000.0);
        self.holds_expired.inc_by(swept.expired as u64);
        self.holds_corrupt.inc_by(swept.corrupt as u64);
    }
}
