//! What the run does to the servers, looked at once a second.

use std::{
    collections::BTreeMap,
    fs,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use service_kit::clock;

use crate::{
    http::Api,
    place::Place,
    result::Stock,
    seed::Goods,
    stores::{redis::Redis, stock},
};

const PERIOD: Duration = Duration::from_secs(1);
/// Of more SKUs the stock is not looked at: their sum says nothing.
const SKUS_MAX: usize = 10;
const LAG: &str = "sync_worker_projection_lag_seconds";

/// What was seen in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Observation {
    /// How far the projection was behind.
    pub lag_seconds: Option<f64>,
    /// `used_memory` of Redis.
    pub redis_memory_bytes: Option<u64>,
    /// Resident memory of sync-worker.
    pub worker_memory_bytes: Option<u64>,
    /// Resident memory of inventory-server.
    pub server_memory_bytes: Option<u64>,
    /// Where the units of the run are.
    pub stock: Option<Stock>,
}

/// Looks until it is told to stop.
#[derive(Debug)]
pub(crate) struct Monitor {
    stop: Sender<()>,
    looking: JoinHandle<BTreeMap<i64, Observation>>,
}

impl Monitor {
    /// Starts looking at whatever of the place can be looked at.
    pub(crate) fn start(place: &Place, goods: &Goods) -> Self {
        let (stop, stopped) = channel();
        let mut eyes = Eyes {
            worker: place.worker_url.as_deref().map(|url| Api::new(url, "")),
            redis: place
                .redis_url
                .as_deref()
                .and_then(|url| Redis::connect(url).ok()),
            worker_pid: place.worker_pid,
            server_pid: place.server_pid,
            inventory: place.inventory(),
            skus: match goods.skus.len() {
                1..=SKUS_MAX => goods.skus.clone(),
                _ => Vec::new(),
            },
        };
        let looking = thread::spawn(move || look(&mut eyes, &stopped));
        Self { stop, looking }
    }

    /// What was seen, by unix second.
    pub(crate) fn finish(self) -> BTreeMap<i64, Observation> {
        drop(self.stop);
        self.looking.join().unwrap_or_default()
    }
}

struct Eyes {
    worker: Option<Api>,
    redis: Option<Redis>,
    worker_pid: Option<u32>,
    server_pid: Option<u32>,
    inventory: Api,
    skus: Vec<String>,
}

fn look(eyes: &mut Eyes, stopped: &Receiver<()>) -> BTreeMap<i64, Observation> {
    let mut seen = BTreeMap::new();
    while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        let at = clock::unix_ms().div_euclid(1_000);
        let observation = Observation {
            lag_seconds: eyes.worker.as_ref().and_then(lag),
            redis_memory_bytes: eyes.redis.as_mut().and_then(Redis::memory_bytes),
            worker_memory_bytes: eyes.worker_pid.and_then(resident_bytes),
            server_memory_bytes: eyes.server_pid.and_then(resident_bytes),
            stock: where_units_are(&eyes.inventory, &eyes.skus),
        };
        seen.insert(at, observation);
    }
    seen
}

fn where_units_are(inventory: &Api, skus: &[String]) -> Option<Stock> {
    if skus.is_empty() {
        return None;
    }
    let figures = stock::sum(&stock::figures(inventory, skus).ok()?);
    Some(Stock {
        available: figures.available,
        held: figures.reserved,
        sold: figures.sold,
    })
}

fn lag(worker: &Api) -> Option<f64> {
    let page = worker.text("/metrics").ok()?;
    let value = page.lines().find_map(|line| {
        let rest = line.strip_prefix(LAG)?;
        // Labels may stand in between.
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    value.filter(|lag| lag.is_finite())
}

/// Resident memory of a process.
fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().split(' ').next()?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_some_memory() {
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
