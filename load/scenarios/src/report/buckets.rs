//! The seconds of a run, drawn together where they are many.

use crate::result::{Point, Stock};

/// Points of a chart, at most. More cannot be told apart.
pub(super) const POINTS_MAX: usize = 240;
/// Rows of a table, at most.
pub(super) const ROWS_MAX: usize = 60;

/// Some seconds in a row: means of what is a rate, the worst of the rest.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Bucket {
    pub(super) second: u64,
    pub(super) requests: f64,
    pub(super) refused: f64,
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) lag_seconds: Option<f64>,
    pub(super) redis_bytes: Option<u64>,
    pub(super) worker_bytes: Option<u64>,
    pub(super) server_bytes: Option<u64>,
    /// The last of the bucket.
    pub(super) stock: Option<Stock>,
}

/// The series in at most `most` buckets of equal length, and how many seconds each has.
pub(super) fn buckets(series: &[Point], most: usize) -> (Vec<Bucket>, usize) {
    let seconds = series.len().div_ceil(most.max(1)).max(1);
    (series.chunks(seconds).map(Bucket::of).collect(), seconds)
}

impl Bucket {
    fn of(points: &[Point]) -> Self {
        let mean = |sum: u64| average(sum, points.len());
        let worst =
            |what: fn(&Point) -> Option<f64>| points.iter().filter_map(what).reduce(f64::max);
        let most = |what: fn(&Point) -> Option<u64>| points.iter().filter_map(what).max();
        Self {
            second: points.first().map_or(0, |point| point.second),
            requests: mean(points.iter().map(|point| point.requests).sum()),
            refused: mean(points.iter().map(|point| point.refused).sum()),
            p50: worst(|point| point.p50),
            p95: worst(|point| point.p95),
            p99: worst(|point| point.p99),
            lag_seconds: worst(|point| point.lag_seconds),
            redis_bytes: most(|point| point.redis_memory_bytes),
            worker_bytes: most(|point| point.worker_memory_bytes),
            server_bytes: most(|point| point.server_memory_bytes),
            stock: points.iter().rev().find_map(|point| point.stock),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "requests of some seconds")]
fn average(sum: u64, count: usize) -> f64 {
    if count == 0 {
        return 0.0;
    }
    sum as f64 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: u64, requests: u64, p99: Option<f64>) -> Point {
        Point {
            second,
            requests,
            p99,
            redis_memory_bytes: Some(second),
            ..Point::default()
        }
    }

    #[test]
    fn few_seconds_stay_as_they_are() {
        let series = [point(0, 5, Some(1.5)), point(1, 7, None)];
        let (all, seconds) = buckets(&series, 10);
        assert_eq!((all.len(), seconds), (2, 1));
        assert_eq!((all[1].requests, all[1].p99), (7.0, None));
    }

    #[test]
    fn many_become_means_and_the_worst() {
        let series = [
            point(0, 10, Some(1.0)),
            point(1, 20, Some(9.0)),
            point(2, 3, None),
        ];
        let (all, seconds) = buckets(&series, 2);
        assert_eq!((all.len(), seconds), (2, 2));
        assert_eq!((all[0].requests, all[0].p99), (15.0, Some(9.0)));
        assert_eq!(all[0].redis_bytes, Some(1));
        // The last one is shorter; its mean is of what it has.
        assert_eq!((all[1].second, all[1].requests, all[1].p99), (2, 3.0, None));
    }

    #[test]
    fn no_seconds_are_no_buckets() {
        assert_eq!(buckets(&[], 10), (Vec::new(), 1));
    }
}
