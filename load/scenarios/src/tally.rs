//! What k6's samples add up to: in all, and second by second.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::{
    flow::Flow,
    k6::Sample,
    monitor::Observation,
    result::{Latency, Point},
};

/// Figures of a latency that are kept.
const DIGITS: u8 = 3;

/// A second is closed when samples come that are so many later. k6 says them within one.
const LATE_SECONDS: i64 = 5;

/// An id whose outcome the client was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Of what was asked for.
    pub id: String,
    /// What was asked.
    pub op: String,
}

/// The sum of all samples.
#[derive(Debug)]
pub struct Tally {
    all: Histogram<u64>,
    open: BTreeMap<i64, Histogram<u64>>,
    seconds: BTreeMap<i64, Second>,
    counters: BTreeMap<&'static str, u64>,
    refused: BTreeMap<String, u64>,
    unknown: Vec<Unknown>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Second {
    requests: u64,
    refused: u64,
    percentiles: Option<[u64; 3]>,
}

/// Where a run stands, for people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glance {
    /// Requests so far.
    pub requests: u64,
    /// Requests in the last whole second.
    pub per_second: u64,
    /// p99 of the last whole second, ms.
    pub p99_ms: f64,
}

impl Tally {
    /// Nothing so far.
    ///
    /// # Errors
    /// Never, as long as `DIGITS` is a number that histograms take.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            all: histogram()?,
            open: BTreeMap::new(),
            seconds: BTreeMap::new(),
            counters: BTreeMap::new(),
            refused: BTreeMap::new(),
            unknown: Vec::new(),
        })
    }

    /// Adds a sample.
    pub fn take(&mut self, sample: Sample<'_>) {
        match sample {
            Sample::Request { second, ms } => self.request(second, ms),
            Sample::Count {
                second,
                metric,
                value,
                tags,
            } => {
                *self.counters.entry(metric).or_default() += value;
                if metric == "refused" {
                    self.seconds.entry(second).or_default().refused += value;
                    let code = tags.code.map_or_else(|| "?".to_owned(), Cow::into_owned);
                    *self.refused.entry(code).or_default() += value;
                } else if metric == "unknown" {
                    self.unknown.push(Unknown {
                        id: tags.id.unwrap_or_default().into_owned(),
                        op: tags.op.unwrap_or_default().into_owned(),
                    });
                }
            }
        }
    }

    fn request(&mut self, at: i64, ms: f64) {
        let took = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default();
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        record(&mut self.all, us);
        let second = self.seconds.entry(at).or_default();
        second.requests += 1;
        if second.percentiles.is_some() {
            return;
        }
        match self.open.entry(at) {
            Entry::Occupied(mut open) => record(open.get_mut(), us),
            Entry::Vacant(free) => {
                if let Ok(mut histogram) = histogram() {
                    record(&mut histogram, us);
                    free.insert(histogram);
                }
                self.close_before(at - LATE_SECONDS);
            }
        }
    }

    fn close_before(&mut self, at: i64) {
        let still_open = self.open.split_off(&at);
        for (at, histogram) in std::mem::replace(&mut self.open, still_open) {
            self.seconds.entry(at).or_default().percentiles = Some(percentiles(&histogram));
        }
    }

    /// What a counter stands at.
    #[must_use]
    pub fn counter(&self, metric: &str) -> u64 {
        self.counters.get(metric).copied().unwrap_or(0)
    }

    /// All counters but those that have a place of their own.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let others = self.counters.iter().filter(|(name, _)| **name != "refused");
        others
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    /// Expected refusals by code.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<String, u64> {
        &self.refused
    }

    /// What the clients do not know.
    #[must_use]
    pub fn unknown(&self) -> &[Unknown] {
        &self.unknown
    }

    /// What became of units, as the clients were told.
    #[must_use]
    pub fn flow(&self) -> Flow {
        let units = |metric| i64::try_from(self.counter(metric)).unwrap_or(i64::MAX);
        Flow {
            held: units("held_units"),
            confirmed: units("confirmed_units"),
            released: units("released_units"),
            returned: units("returned_units"),
            expired: 0,
            adjusted: units("adjusted_up_units") - units("adjusted_down_units"),
        }
    }

    /// HTTP requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.all.len()
    }

    /// Of all requests.
    #[must_use]
    pub fn latency(&self) -> Latency {
        let at = |quantile| ms(self.all.value_at_quantile(quantile));
        if self.all.is_empty() {
            return Latency::default();
        }
        Latency {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(self.all.max()),
        }
    }

    /// How the run stands, by the last second that is over.
    #[must_use]
    pub fn glance(&self) -> Glance {
        let mut latest = self.seconds.iter().rev().skip(1);
        let (at, second) = latest.next().map(|(at, it)| (*at, *it)).unwrap_or_default();
        let open = self.open.get(&at).map(percentiles);
        let [_, _, p99] = open.or(second.percentiles).unwrap_or_default();
        Glance {
            requests: self.requests(),
            per_second: second.requests,
            p99_ms: ms(p99),
        }
    }

    /// A point for each second from the first request to the last, with what was observed in it.
    #[must_use]
    pub fn series(&mut self, observed: &BTreeMap<i64, Observation>) -> Vec<Point> {
        self.close_before(i64::MAX);
        let mut busy = self
            .seconds
            .iter()
            .filter(|(_, second)| second.requests > 0);
        let Some((&first, _)) = busy.next() else {
            return Vec::new();
        };
        let last = busy.next_back().map_or(first, |(at, _)| *at);
        let point = |at: i64| {
            let second = self.seconds.get(&at).copied().unwrap_or_default();
            let seen = observed.get(&at).copied().unwrap_or_default();
            let percentile = |place: usize| second.percentiles.map(|its| ms(its[place]));
            Point {
                second: u64::try_from(at - first).unwrap_or(0),
                requests: second.requests,
                p50: percentile(0),
                p95: percentile(1),
                p99: percentile(2),
                refused: second.refused,
                lag_seconds: seen.lag_seconds,
                redis_memory_bytes: seen.redis_memory_bytes,
                worker_memory_bytes: seen.worker_memory_bytes,
                server_memory_bytes: seen.server_memory_bytes,
                stock: seen.stock,
            }
        };
        (first..=last).map(point).collect()
    }
}

fn histogram() -> Result<Histogram<u64>, String> {
    Histogram::new(DIGITS).map_err(|error| error.to_string())
}

/// It grows with what it is given; `saturating_record` alone would not let it.
fn record(histogram: &mut Histogram<u64>, us: u64) {
    if histogram.record(us).is_err() {
        histogram.saturating_record(us);
    }
}

/// p50, p95 and p99 in us.
fn percentiles(histogram: &Histogram<u64>) -> [u64; 3] {
    [0.5, 0.95, 0.99].map(|quantile| histogram.value_at_quantile(quantile))
}

fn ms(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k6::Tags;

    fn request(second: i64, ms: f64) -> Sample<'static> {
        Sample::Request { second, ms }
    }

    fn count(metric: &'static str, value: u64, tags: Tags<'static>) -> Sample<'static> {
        Sample::Count {
            second: 1_000,
            metric,
            value,
            tags,
        }
    }

    /// Within what three figures can tell.
    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() <= other * 0.002
    }

    #[test]
    fn seconds_have_percentiles_of_their_own_and_there_is_no_gap() {
        let mut tally = Tally::new().unwrap();
        for ms in 1..=100 {
            tally.take(request(1_000, f64::from(ms)));
        }
        tally.take(request(1_003, 7.0));
        let memory = Observation {
            redis_memory_bytes: Some(5),
            ..Observation::default()
        };
        let series = tally.series(&BTreeMap::from([(1_002, memory), (900, memory)]));
        assert_eq!(
            series.iter().map(|it| it.second).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        assert_eq!(
            series.iter().map(|it| it.requests).collect::<Vec<_>>(),
            [100, 0, 0, 1]
        );
        assert!(close(series[0].p50.unwrap(), 50.0) && close(series[0].p99.unwrap(), 99.0));
        assert_eq!(
            (series[1].p50, series[2].redis_memory_bytes),
            (None, Some(5))
        );
        assert!(close(series[3].p99.unwrap(), 7.0));
        let all = tally.latency();
        assert!(close(all.p50, 50.0) && close(all.p95, 95.0) && close(all.max, 100.0));
        assert_eq!(tally.requests(), 101);
    }

    #[test]
    fn what_comes_after_its_second_was_closed_still_counts() {
        let mut tally = Tally::new().unwrap();
        tally.take(request(1_000, 1.0));
        tally.take(request(1_000 + LATE_SECONDS + 1, 1.0));
        assert_eq!(tally.open.len(), 1);
        tally.take(request(1_000, 9.0));
        let series = tally.series(&BTreeMap::new());
        assert_eq!(series[0].requests, 2);
        assert!(close(series[0].p99.unwrap(), 1.0));
        assert!(close(tally.latency().max, 9.0));
    }

    #[test]
    fn counters_add_up_and_refusals_go_by_their_code() {
        let mut tally = Tally::new().unwrap();
        let code = |code: &'static str| Tags {
            code: Some(code.into()),
            ..Tags::default()
        };
        for (metric, value) in [
            ("held_units", 2),
            ("held_units", 3),
            ("adjusted_down_units", 4),
        ] {
            tally.take(count(metric, value, Tags::default()));
        }
        tally.take(count("refused", 1, code("INSUFFICIENT_STOCK")));
        tally.take(count("refused", 2, code("PURCHASE_LIMIT_EXCEEDED")));
        let unknown = Tags {
            id: Some("r-1".into()),
            op: Some("reserve".into()),
            ..Tags::default()
        };
        tally.take(count("unknown", 1, unknown));
        assert_eq!((tally.flow().held, tally.flow().adjusted), (5, -4));
        assert_eq!(tally.refused()["PURCHASE_LIMIT_EXCEEDED"], 2);
        assert_eq!(tally.unknown()[0].id, "r-1");
        assert!(!tally.counters().contains_key("refused"));
        tally.take(request(1_000, 1.0));
        assert_eq!(tally.series(&BTreeMap::new())[0].refused, 3);
    }

    #[test]
    fn a_glance_is_at_the_last_whole_second() {
        let mut tally = Tally::new().unwrap();
        for second in [1_000, 1_000, 1_001] {
            tally.take(request(second, 4.0));
        }
        let glance = tally.glance();
        assert_eq!((glance.requests, glance.per_second), (3, 2));
        assert!(close(glance.p99_ms, 4.0));
    }
}
