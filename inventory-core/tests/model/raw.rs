//! What Redis holds, read around the engine: only what the engine has no call for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use inventory_core::{
    CustomerId, Location, OperationId, ReservationId, Sku, StockKey, TimestampMs,
    limits::LIMIT_WINDOW_SLICES,
};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};

const PREFIX: &str = "inv:{s0}:";
/// No answer of Redis may take so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection of the test's own.
pub(crate) struct Raw(MultiplexedConnection);

/// Names of all records, open deadlines and what counts against limits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawState {
    pub(crate) stocks: BTreeSet<StockKey>,
    pub(crate) reservations: BTreeSet<ReservationId>,
    pub(crate) operations: BTreeSet<OperationId>,
    pub(crate) deadlines: Vec<(TimestampMs, ReservationId)>,
    /// Units that count now; customers without any are left out.
    pub(crate) used: BTreeMap<(Sku, CustomerId), u64>,
    pub(crate) entries: u64,
}

impl Raw {
    pub(crate) async fn connect(url: &str) -> Result<Self, String> {
        let client = redis::Client::open(url).map_err(text)?;
        // By default half a second without an answer is a failure.
        let patient = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        client
            .get_multiplexed_async_connection_with_config(&patient)
            .await
            .map(Self)
            .map_err(text)
    }

    pub(crate) async fn flush(&mut self) -> Result<(), String> {
        redis::cmd("FLUSHALL")
            .query_async(&mut self.0)
            .await
            .map_err(text)
    }

    /// The bytes of a record or an outcome.
    pub(crate) async fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        redis::cmd("GET")
            .arg(format!("{PREFIX}{name}"))
            .query_async(&mut self.0)
            .await
            .map_err(text)
    }

    pub(crate) async fn state(&mut self, now: TimestampMs) -> Result<RawState, String> {
        let key = |name: &str| format!("{PREFIX}{name}");
        let (names, deadlines, limits, entries): (Vec<String>, Vec<(String, u64)>, Pairs, u64) =
            redis::pipe()
                .cmd("KEYS")
                .arg("*")
                .zrange_withscores(key("deadlines"), 0, -1)
                .hgetall(key("limits"))
                .cmd("XLEN")
                .arg(key("journal"))
                .query_async(&mut self.0)
                .await
                .map_err(text)?;
        let mut state = RawState {
            stocks: BTreeSet::new(),
            reservations: BTreeSet::new(),
            operations: BTreeSet::new(),
            deadlines: Vec::new(),
            used: BTreeMap::new(),
            entries,
        };
        for (id, deadline) in deadlines {
            state
                .deadlines
                .push((TimestampMs(deadline), id.parse().map_err(text)?));
        }
        let mut counters = BTreeSet::new();
        for name in names {
            let name = name
                .strip_prefix(PREFIX)
                .ok_or_else(|| format!("a stray key {name}"))?;
            match name.split_once(':').unwrap_or((name, "")) {
                ("stock", place) => {
                    let (location, sku) = place.split_once(':').ok_or("no place")?;
                    let location = Location::parse(location).map_err(text)?;
                    state.stocks.insert(StockKey {
                        location,
                        sku: sku.parse().map_err(text)?,
                    });
                }
                ("rsv", id) => _ = state.reservations.insert(id.parse().map_err(text)?),
                ("op", id) => _ = state.operations.insert(id.parse().map_err(text)?),
                ("used", rest) => _ = counters.insert(rest.to_owned()),
                (
                    "meta" | "journal" | "deadlines" | "limits" | "closed" | "skus" | "places"
                    | "retired",
                    "",
                ) => {}
                (kind, _) => return Err(format!("an unknown kind of key: {kind}")),
            }
        }
        for (sku, limit) in limits {
            let parts: Vec<_> = limit.split(' ').collect();
            let [_, window_ms, generation] = parts[..] else {
                return Err(format!("limit of {sku}: {limit}"));
            };
            let window_ms: u64 = window_ms.parse().map_err(text)?;
            counters.remove(&format!("{generation}:{sku}"));
            let counter = key(&format!("used:{generation}:{sku}"));
            let used: Pairs = redis::cmd("HGETALL")
                .arg(counter)
                .query_async(&mut self.0)
                .await
                .map_err(text)?;
            for (customer, units) in used {
                let units = counting(&units, window_ms, now)?;
                if units > 0 {
                    let sku = sku.parse().map_err(text)?;
                    state
                        .used
                        .insert((sku, customer.parse().map_err(text)?), units);
                }
            }
        }
        match counters.first() {
            Some(left) => Err(format!("used:{left} belongs to no limit")),
            None => Ok(state),
        }
    }
}

type Pairs = BTreeMap<String, String>;

/// `units`, or `slice:units ...` where the limit has a window.
fn counting(counter: &str, window_ms: u64, now: TimestampMs) -> Result<u64, String> {
    if window_ms == 0 {
        return counter.parse().map_err(text);
    }
    let slice_ms = (window_ms / LIMIT_WINDOW_SLICES).max(1);
    let mut units = 0;
    for part in counter.split(' ') {
        let (slice, taken) = part.split_once(':').ok_or("a slice without units")?;
        let slice: u64 = slice.parse().map_err(text)?;
        if (slice + 1) * slice_ms + window_ms > now.0 {
            units += taken.parse::<u64>().map_err(text)?;
        }
    }
    Ok(units)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
