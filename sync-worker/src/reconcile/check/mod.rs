//! `reconcile check`: compares both sides while they go on.
//!
//! A slice of Redis is read with the journal's end of that moment (the cut). MariaDB, once its
//! cursor has passed the cut, has all that Redis had then, and perhaps more: what changed since is
//! known by its version or its journal id, and the audit log says what it was before.

mod drift;
mod keep;
mod limits;
mod operations;
mod reservations;
mod retired;
mod rows;
mod stocks;
mod walk;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use inventory_core::{
    JournalId, Location, ReservationId, Sku, StockKey, limits::RETENTION_SECONDS_DEFAULT,
};
use serde::Serialize;
use sqlx::Row;

use super::{
    exit::{Exit, Trouble},
    output::{Output, Table},
    stores::{Both, within},
};
use crate::limits::{CHECK_LISTED_MAX, CHECK_LOOKS, CURSOR_POLL};

pub(super) use self::{
    drift::{Drift, Subject, kept_stock, moment},
    rows::{STOCK_COLUMNS, StockRow, reservation_rows, stock_key, stock_rows},
    stocks::{Past, past},
};

/// What to compare.
#[derive(Debug, Clone, Args)]
pub(super) struct Scope {
    /// Only this SKU: at the locations that MariaDB knows, or `LOCATION|SKU`. Repeatable.
    #[arg(long = "sku", value_name = "SKU", value_parser = sku)]
    pub(super) skus: Vec<(Option<Location>, Sku)>,
    /// Only this reservation. Repeatable.
    #[arg(long = "reservation", value_name = "ID", value_parser = ReservationId::derived)]
    pub(super) reservations: Vec<ReservationId>,
    /// How long to wait until the projection has what Redis had.
    #[arg(long, value_name = "N", default_value_t = WAIT_SECONDS_DEFAULT)]
    pub(super) wait_seconds: u64,
    /// How long closed records stay in Redis, as the servers are told.
    #[arg(long, value_name = "N", default_value_t = RETENTION_SECONDS_DEFAULT)]
    pub(super) retention_seconds: u64,
}

/// How long a comparison waits for the projection where nothing says so.
const WAIT_SECONDS_DEFAULT: u64 = 10;

impl Default for Scope {
    /// Everything.
    fn default() -> Self {
        Self {
            skus: Vec::new(),
            reservations: Vec::new(),
            wait_seconds: WAIT_SECONDS_DEFAULT,
            retention_seconds: RETENTION_SECONDS_DEFAULT,
        }
    }
}

fn sku(text: &str) -> Result<(Option<Location>, Sku), String> {
    let (location, sku) = match text.split_once('|') {
        Some((location, sku)) => {
            let location = Location::parse(location).map_err(|e| format!("location {e}"))?;
            (Some(location), sku)
        }
        None => (None, text),
    };
    Ok((location, Sku::parse(sku).map_err(|e| e.to_string())?))
}

impl Scope {
    /// Whether everything is to be compared.
    pub(super) const fn is_all(&self) -> bool {
        self.skus.is_empty() && self.reservations.is_empty()
    }
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compared {
    pub(super) stocks: u64,
    pub(super) reservations: u64,
    pub(super) operations: u64,
    pub(super) limits: u64,
    pub(super) counters: u64,
}

/// What a check found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    outcome: &'static str,
    /// The last entry of the journal when the comparison ended.
    at: String,
    pub(super) compared: Compared,
    pub(super) drift: Vec<Drift>,
    /// Differences beyond those listed.
    unlisted: usize,
    /// Counters of purchase limits that moved at every look.
    unsettled: u64,
    open_dead_letters: i64,
}

impl Report {
    /// How many differences there are.
    fn differences(&self) -> u64 {
        let all = self.drift.len().saturating_add(self.unlisted);
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}

/// Runs the command.
pub(super) async fn run(both: &Both, scope: &Scope, out: Output) -> Result<Exit, Trouble> {
    let report = check(both, scope, out).await?;
    if scope.is_all() {
        keep::keep(both, &report).await;
    }
    if out.json {
        out.report(&report)?;
    } else {
        show(&report, out)?;
    }
    Ok(Exit::found(!report.drift.is_empty()))
}

fn show(report: &Report, out: Output) -> Result<(), Trouble> {
    if !report.drift.is_empty() {
        out.table(&table(&report.drift))?;
    }
    if report.unlisted > 0 {
        out.line(&format!("and {} more", report.unlisted))?;
    }
    let Compared {
        stocks,
        reservations,
        operations,
        limits,
        counters,
    } = report.compared;
    out.line(&format!(
        "{}: {stocks} stocks, {reservations} reservations, {operations} operations, {limits} limits, \
         {counters} counters compared at {}; {} open dead letters",
        match report.differences() {
            0 => "clean".to_owned(),
            1 => "1 difference".to_owned(),
            many => format!("{many} differences"),
        },
        report.at,
        report.open_dead_letters
    ))?;
    if report.unsettled > 0 {
        out.line(&format!(
            "{} counters of purchase limits moved at every look and were left out",
            report.unsettled
        ))?;
    }
    Ok(())
}

/// Differences for people.
pub(super) fn table(drift: &[Drift]) -> Table {
    let mut table = Table::new(&["kind", "id", "what", "redis", "mariadb", "since"]);
    for drift in drift {
        table.row(drift.cells());
    }
    table
}

/// Compares what the scope names.
///
/// # Errors
/// [`Trouble::Unclear`] where it cannot be told: a fenced shard, no projection, or one that lags.
pub(super) async fn check(both: &Both, scope: &Scope, out: Output) -> Result<Report, Trouble> {
    let (before, _) = both.comparable().await?;
    let checker = Checker::new(both, scope);
    if scope.is_all() {
        checker.walk(out).await?;
    } else {
        checker.named(scope).await?;
    }
    // What was read under another epoch would be of another history.
    let (after, _) = both.comparable().await?;
    let epoch = |survey: &inventory_core::engine::Survey| survey.meta.as_ref().map(|m| m.epoch);
    if epoch(&before) != epoch(&after) {
        return Err(Trouble::Unclear(
            "the shard was fenced and opened again meanwhile: compare once more".to_owned(),
        ));
    }
    let open_dead_letters =
        sqlx::query_scalar("SELECT COUNT(*) FROM dead_letter WHERE status = 'OPEN'")
            .fetch_one(&both.pool)
            .await?;
    let found = checker
        .found
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let mut drift = found.drift;
    drift.sort_by(|a, b| a.subject.cmp(&b.subject));
    drift.dedup_by(|a, b| a.subject == b.subject);
    let unlisted = drift.len().saturating_sub(CHECK_LISTED_MAX);
    drift.truncate(CHECK_LISTED_MAX);
    Ok(Report {
        outcome: if drift.is_empty() { "clean" } else { "drift" },
        at: after.last.map_or_else(String::new, |id| id.to_string()),
        compared: found.compared,
        drift,
        unlisted,
        unsettled: found.unsettled,
        open_dead_letters,
    })
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    drift: Vec<Drift>,
    compared: Compared,
    unsettled: u64,
}

/// One comparison.
#[derive(Debug)]
pub(super) struct Checker<'a> {
    both: &'a Both,
    patience: Duration,
    retention_ms: u64,
    /// How far the projection was seen to be.
    reached: Mutex<Option<JournalId>>,
    found: Mutex<Found>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(both: &'a Both, scope: &Scope) -> Self {
        Self {
            both,
            patience: Duration::from_secs(scope.wait_seconds),
            retention_ms: scope.retention_seconds.saturating_mul(1000),
            reached: Mutex::default(),
            found: Mutex::default(),
        }
    }

    fn note(&self, note: impl FnOnce(&mut Found)) {
        note(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What the scope names.
    async fn named(&self, scope: &Scope) -> Result<(), Trouble> {
        let stocks = places(self.both, &scope.skus).await?;
        let drift = self.settled_stocks(stocks.clone()).await?;
        self.note(|found| {
            found.compared.stocks += stocks.len() as u64;
            found.drift.extend(drift);
        });
        let drift = self
            .settled_reservations(scope.reservations.clone())
            .await?;
        self.note(|found| {
            found.compared.reservations += scope.reservations.len() as u64;
            found.drift.extend(drift);
        });
        Ok(())
    }

    /// A difference is one if every look finds it, each at a later cut.
    pub(super) async fn settled_stocks(
        &self,
        mut keys: Vec<StockKey>,
    ) -> Result<Vec<Drift>, Trouble> {
        let mut drift = Vec::new();
        for _ in 0..CHECK_LOOKS {
            drift = self.stocks(&keys).await?;
            keys = drift.iter().filter_map(|d| d.subject.stock()).collect();
            if keys.is_empty() {
                break;
            }
        }
        Ok(drift)
    }

    /// As [`Checker::settled_stocks`].
    pub(super) async fn settled_reservations(
        &self,
        mut ids: Vec<ReservationId>,
    ) -> Result<Vec<Drift>, Trouble> {
        let mut drift = Vec::new();
        for _ in 0..CHECK_LOOKS {
            drift = self.reservations(&ids).await?;
            ids = drift
                .iter()
                .filter_map(|d| d.subject.reservation())
                .collect();
            if ids.is_empty() {
                break;
            }
        }
        Ok(drift)
    }

    /// Waits until the projection has the journal up to `at`.
    ///
    /// # Errors
    /// [`Trouble::Unclear`] when it has not in time.
    pub(super) async fn projected(&self, at: JournalId) -> Result<(), Trouble> {
        let deadline = within(self.patience);
        loop {
            let seen = *self.reached.lock().unwrap_or_else(PoisonError::into_inner);
            if seen >= Some(at) {
                return Ok(());
            }
            let now = self.both.cursor().await?.position;
            *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            if now >= at {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Trouble::Unclear(format!(
                    "the projection is behind: it is at {now} and not at {at} within {} s. Is \
                     sync-worker running?",
                    self.patience.as_secs()
                )));
            }
            tokio::time::sleep(CURSOR_POLL).await;
        }
    }
}

/// The stocks of named SKUs: at the location that is named, or wherever MariaDB has them, and at
/// the default location.
pub(super) async fn places(
    both: &Both,
    skus: &[(Option<Location>, Sku)],
) -> Result<Vec<StockKey>, Trouble> {
    let mut keys = Vec::new();
    for (location, sku) in skus {
        let key = |location: Location| StockKey {
            location,
            sku: sku.clone(),
        };
        if let Some(location) = location {
            keys.push(key(location.clone()));
            continue;
        }
        keys.push(key(Location::default()));
        let rows = sqlx::query("SELECT location_id FROM stock_item WHERE sku_id = ?")
            .bind(sku.as_str())
            .fetch_all(&both.pool)
            .await?;
        for row in rows {
            let location: String = row.try_get("location_id")?;
            if let Ok(location) = Location::parse(&location) {
                keys.push(key(location));
            }
        }
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}
