//! `GET /metrics`: what the worker knows about itself, read when it is asked for.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use sqlx::MySqlPool;

use super::Ops;
use crate::{
    cursor::shard_number,
    limits::OPS_PROBE_TIMEOUT,
    status::{Phase, Status},
};

/// The name of every [`Phase`].
const PHASES: [&str; 7] = [
    "starting",
    "standby",
    "following",
    "resync",
    "restoring",
    "waiting",
    "fenced",
];

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one worker.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    stored: Arc<Stored>,
}

/// What stands in MariaDB.
#[derive(Debug, Default)]
struct Stored {
    dead_letters_open: AtomicI64,
    /// When the last complete `reconcile check` ended, ms since 1970; 0: there was none.
    checked_at_ms: AtomicI64,
    differences: AtomicU64,
}

impl Metrics {
    pub(super) fn new(mut registry: Registry, status: Arc<Status>, pool: MySqlPool) -> Self {
        let stored = Arc::new(Stored::default());
        registry.register_collector(Box::new(Figures {
            status,
            pool,
            stored: Arc::clone(&stored),
        }));
        Self { registry, stored }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}

/// All metrics in the OpenMetrics text format.
pub(super) async fn handle(State(ops): State<Ops>) -> Response {
    let stored = &ops.metrics.stored;
    // Without an answer the last figures stand; the database's own metric says that they are old.
    drop(tokio::time::timeout(OPS_PROBE_TIMEOUT, stored.read(&ops)).await);
    ([(CONTENT_TYPE, OPENMETRICS)], ops.metrics.text()).into_response()
}

impl Stored {
    async fn read(&self, ops: &Ops) -> sqlx::Result<()> {
        let open = sqlx::query_scalar("SELECT COUNT(*) FROM dead_letter WHERE status = 'OPEN'");
        self.dead_letters_open
            .store(open.fetch_one(&ops.pool).await?, Ordering::Relaxed);
        let check: Option<(i64, u64)> =
            sqlx::query_as("SELECT at_ms, differences FROM reconcile_check WHERE shard = ?")
                .bind(shard_number(ops.shard))
                .fetch_optional(&ops.pool)
                .await?;
        if let Some((at_ms, differences)) = check {
            self.checked_at_ms.store(at_ms, Ordering::Relaxed);
            self.differences.store(differences, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Reads [`Status`] when metrics are asked for.
#[derive(Debug)]
struct Figures {
    status: Arc<Status>,
    pool: MySqlPool,
    stored: Arc<Stored>,
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let out = &mut encoder;
        self.counters(out)?;
        self.gauges(out)?;
        phase(out, &self.status.phase())
    }
}

impl Figures {
    fn counters(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let s = &self.status;
        let mut counter = |name: &str, help: &str, value: &AtomicU64| {
            let metric = ConstCounter::new(value.load(Ordering::Relaxed));
            let encoder = out.encode_descriptor(name, help, None, metric.metric_type())?;
            metric.encode(encoder)
        };
        counter(
            "entries_applied",
            "Journal entries applied",
            &s.entries_applied,
        )?;
        counter("changes_applied", "Changes applied", &s.changes_applied)?;
        counter(
            "batches_applied",
            "Apply transactions committed",
            &s.batches_applied,
        )?;
        let help = "Changes whose before-values differ from the row that they replace";
        counter("projection_drift", help, &s.drift)?;
        counter("dead_letters", "Changes put aside", &s.dead_letters)?;
        counter(
            "retries",
            "Faults of Redis or MariaDB that were tried again",
            &s.retries,
        )?;
        counter(
            "blessings",
            "Times this process opened the shard",
            &s.blessings,
        )?;
        counter("rebuilds", "Full rebuilds of Redis finished", &s.rebuilds)?;
        counter("restores", "Restores of a lost tail finished", &s.restores)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a lag of 285,000 years would lose a millisecond"
    )]
    fn gauges(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let s = &self.status;
        let lag = ConstGauge::new(s.lag_ms() as f64 / 1000.0);
        let help = "Age of the oldest journal entry that is not applied; while that cannot be known, the \
                    time since all was; 0 in a worker that stands by";
        let unit = Some(&Unit::Seconds);
        let encoder = out.encode_descriptor("projection_lag", help, unit, lag.metric_type())?;
        lag.encode(encoder)?;
        let checked = self.stored.checked_at_ms.load(Ordering::Relaxed);
        let checked = ConstGauge::new(checked as f64 / 1000.0);
        let help =
            "When the last complete `reconcile check` ended, in Unix time; 0 when there was none";
        let encoder = out.encode_descriptor(
            "reconcile_check_timestamp",
            help,
            unit,
            checked.metric_type(),
        )?;
        checked.encode(encoder)?;
        let mut gauge = |name: &str, help: &str, value: i64| {
            let metric = ConstGauge::new(value);
            let encoder = out.encode_descriptor(name, help, None, metric.metric_type())?;
            metric.encode(encoder)
        };
        let journal = s.journal_entries.load(Ordering::Relaxed);
        gauge("journal_entries", "Entries in the journal", signed(journal))?;
        let epoch = s.epoch().map_or(0, |epoch| epoch.0);
        gauge(
            "epoch",
            "Epoch of the last entry applied; 0 before",
            signed(epoch),
        )?;
        let position = s.position().map_or(0, |position| position.n);
        let help = "Place in its epoch of the last entry applied";
        gauge("position", help, signed(position))?;
        let differences = self.stored.differences.load(Ordering::Relaxed);
        let help =
            "Differences between Redis and MariaDB that the last complete `reconcile check` found";
        gauge("reconcile_check_differences", help, signed(differences))?;
        let open = self.stored.dead_letters_open.load(Ordering::Relaxed);
        gauge(
            "dead_letters_open",
            "Dead letters that wait for somebody",
            open,
        )?;
        let up = |up: bool| i64::from(up);
        let help = "1 while Redis answers";
        gauge("redis_up", help, up(s.redis_up.load(Ordering::Relaxed)))?;
        let help = "1 while MariaDB answers";
        gauge(
            "database_up",
            help,
            up(s.database_up.load(Ordering::Relaxed)),
        )?;
        let size = i64::from(self.pool.size());
        gauge("database_connections", "Connections to MariaDB", size)?;
        let idle = i64::try_from(self.pool.num_idle()).unwrap_or(i64::MAX);
        let help = "Connections to MariaDB that nobody uses";
        gauge("database_connections_idle", help, idle)
    }
}

/// One gauge a phase, 1 for the one that it is.
fn phase(out: &mut DescriptorEncoder<'_>, now: &Phase) -> fmt::Result {
    let help = "1 for what the worker is doing with its shard";
    let mut family = out.encode_descriptor("phase", help, None, MetricType::Gauge)?;
    for name in PHASES {
        let labels = [("phase", name)];
        let gauge = ConstGauge::new(i64::from(name == now.name()));
        gauge.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use inventory_core::{Epoch, JournalId};

    use super::*;

    #[tokio::test]
    async fn what_was_counted_is_in_the_text() {
        let status = Arc::new(Status::default());
        status.entries_applied.store(7, Ordering::Relaxed);
        status.drift.store(2, Ordering::Relaxed);
        let an_hour_ago = crate::status::Lag::Behind {
            age_ms: 3_600_000,
            at: std::time::Instant::now(),
        };
        status.lag(an_hour_ago);
        status.enter(Phase::Following);
        status.moved(JournalId {
            epoch: Epoch(9),
            n: 4,
        });
        let pool = crate::database::pool("mysql://nobody@127.0.0.1:1/x").expect("a URL");
        let text = Metrics::new(super::super::registry(), status, pool).text();
        for line in [
            "sync_worker_entries_applied_total 7",
            "sync_worker_projection_drift_total 2",
            "sync_worker_projection_lag_seconds 3600.",
            "sync_worker_epoch 9",
            "sync_worker_position 4",
            "sync_worker_dead_letters_open 0",
            "sync_worker_dead_letters_total 0",
            "sync_worker_reconcile_check_timestamp_seconds 0.0",
            "sync_worker_reconcile_check_differences 0",
            r#"sync_worker_phase{phase="following"} 1"#,
            r#"sync_worker_phase{phase="fenced"} 0"#,
            "sync_worker_database_connections 0",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
