//! The result of a run, as it is kept in `load/results/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run of one scenario. Fields that a later version adds must be optional: old files are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// Name of the scenario, as in `load/scenarios/k6/<scenario>.js`.
    pub scenario: String,
    /// smoke, baseline, stress, breakpoint or soak; with `-closed` where the closed model ran.
    pub profile: String,
    /// The verification found no difference, k6 crossed no threshold, and nothing failed.
    pub ok: bool,
    /// Why not, a sentence each; empty when `ok`.
    #[serde(default)]
    pub failures: Vec<String>,
    /// The hot SKU, or the first; empty where the scenario has none.
    pub sku_id: String,
    /// Units seeded of each SKU.
    pub units: u64,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Seconds that k6 ran.
    pub duration_seconds: f64,
    /// What it ran on.
    pub machine: Machine,
    /// Versions by program: k6, redis, mariadb, kafka, rustc.
    pub versions: BTreeMap<String, String>,
    /// Redis's durability: none, everysec or always; unknown where it could not be asked.
    pub durability: String,
    /// Git revision, with `+` and what is true of it, if there were uncommitted changes.
    pub revision: String,
    /// Of all HTTP requests.
    pub latency_ms: Latency,
    /// HTTP requests that k6 made.
    pub requests: u64,
    /// The mean over the run.
    pub requests_per_second: f64,
    /// Expected refusals by code.
    pub refused: BTreeMap<String, u64>,
    /// Other counters of the script by metric, over the run: accepted, confirmed, `orders_placed`, …
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// The thresholds of the script.
    pub thresholds: Vec<Threshold>,
    /// What the clients counted beside what the stores have.
    pub verification: Verification,
    /// One point for each second, in order, without a gap.
    pub series: Vec<Point>,
}

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Model name of the CPU.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: u64,
    /// MiB of memory.
    pub memory_mib: u64,
    /// Kernel release.
    pub kernel: String,
}

/// Percentiles in ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// A threshold of the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Threshold {
    /// The metric it is about, with its tags.
    pub metric: String,
    /// The condition, such as `p(99)<50`.
    pub threshold: String,
    /// Not crossed.
    pub ok: bool,
}

/// What the clients counted beside what each store has: units that left `available`, by the net of the run (held, or
/// sold and not returned; for adjustments what they changed, which may be negative). None: not verified, and
/// `not_verified` says why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Every side that could be asked agrees with the clients, to the unit.
    pub ok: bool,
    /// What the clients counted.
    pub client_accepted: i64,
    /// What the stock figures of Redis say, over HTTP.
    pub redis: Option<i64>,
    /// What the journal's entries of this run add up to.
    pub journal: Option<i64>,
    /// What the tables of MariaDB say.
    pub mariadb: Option<i64>,
    /// What the events of this run on Kafka add up to.
    pub kafka: Option<i64>,
    /// One sentence for each difference.
    pub differences: Vec<String>,
    /// One sentence for each thing that could not be verified.
    #[serde(default)]
    pub not_verified: Vec<String>,
    /// What else was seen, a sentence each: how much was compared, how a sale sold out.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One second of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Seconds since the first request.
    pub second: u64,
    /// Requests that were answered in this second.
    pub requests: u64,
    /// Median in ms; None without a request.
    pub p50: Option<f64>,
    /// 95th percentile in ms.
    #[serde(default)]
    pub p95: Option<f64>,
    /// 99th percentile in ms.
    pub p99: Option<f64>,
    /// Expected refusals in this second.
    pub refused: u64,
    /// How far the projection was behind the journal; None where it was not asked.
    pub lag_seconds: Option<f64>,
    /// `used_memory` of Redis.
    pub redis_memory_bytes: Option<u64>,
    /// Resident memory of sync-worker.
    pub worker_memory_bytes: Option<u64>,
    /// Resident memory of inventory-server.
    #[serde(default)]
    pub server_memory_bytes: Option<u64>,
    /// Where the units of the run's SKUs were; None where it was not asked, or there are many SKUs.
    #[serde(default)]
    pub stock: Option<Stock>,
}

/// Where units are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stock {
    /// Can be held.
    pub available: i64,
    /// Are held.
    pub held: i64,
    /// Are sold.
    pub sold: i64,
}
