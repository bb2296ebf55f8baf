//! What was aimed at, beside what was reached.

use crate::{
    cell::{BULK_SIZES, Cell, STOCKS, Target, stock_name},
    curve::Panel,
    rounds::{Row, Sample},
};

/// Load at which the latency is judged, in tenths of saturation.
const JUDGED_STEP: u32 = 7;

/// A target set beside what was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    /// What is compared.
    pub what: String,
    /// What was aimed at.
    pub aim: Aim,
    /// What was reached.
    pub reached: f64,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

impl Ratio {
    /// Whether what was reached is enough.
    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.aim {
            Aim::AtLeast(bound) => self.reached >= bound,
            Aim::AtMost(bound) => self.reached <= bound,
        }
    }
}

impl std::fmt::Display for Aim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

/// Those of which both sides were measured.
#[must_use]
pub fn of(rows: &[Row], panels: &[Panel]) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for skus in STOCKS {
        ratios.extend(single(rows, skus).unwrap_or_default());
    }
    for skus in STOCKS {
        ratios.extend(bulk(rows, skus).unwrap_or_default());
    }
    ratios.extend(panels.iter().filter_map(latency));
    ratios
}

fn find(rows: &[Row], cell: Cell) -> Option<Sample> {
    let row = rows.iter().find(|row| row.cell == cell);
    row.map(|row| row.sample)
}

fn single(rows: &[Row], skus: u32) -> Option<Vec<Ratio>> {
    let of = |target| find(rows, Cell::single(target, 64, skus));
    let (server, plain) = (of(Target::Server)?, of(Target::Plain)?);
    let (hello, benchmark) = (of(Target::Hello)?, of(Target::Benchmark { pipeline: 1 })?);
    let cpu = |sample: Sample| Some(sample.server_us? + sample.redis_us?);
    let ratio = |what: &str, aim, reached| Ratio {
        what: format!("{}: {what}", stock_name(skus)),
        aim,
        reached,
    };
    let faster = |than: Sample| server.per_second / than.per_second;
    Some(vec![
        ratio(
            "requests/s by the plain version's, 64 connections",
            Aim::AtLeast(2.5),
            faster(plain),
        ),
        ratio(
            "requests/s by redis-benchmark -P 1, 64 connections",
            Aim::AtLeast(1.5),
            faster(benchmark),
        ),
        ratio(
            "requests/s by hello-world's, 64 connections",
            Aim::AtLeast(0.7),
            faster(hello),
        ),
        ratio(
            "p99 by the plain version's p50, 64 connections",
            Aim::AtMost(1.0),
            server.p99_ms? / plain.p50_ms?,
        ),
        ratio(
            "CPU per request by the plain version's, 64 connections",
            Aim::AtMost(0.33),
            cpu(server)? / cpu(plain)?,
        ),
    ])
}

fn bulk(rows: &[Row], skus: u32) -> Option<Vec<Ratio>> {
    let benchmark = find(
        rows,
        Cell::single(Target::Benchmark { pipeline: 16 }, 64, skus),
    )?;
    let aim = Aim::AtLeast(if skus == 1 { 2.0 } else { 1.4 });
    let ratio = |reservations| {
        let bulk = find(rows, Cell::bulk(reservations, skus))?;
        Some(Ratio {
            what: format!(
                "{}: bulk endpoint, {reservations} in a request, reservations/s by redis-benchmark -P 16",
                stock_name(skus)
            ),
            aim,
            reached: bulk.per_second / benchmark.per_second,
        })
    };
    Some(BULK_SIZES.into_iter().filter_map(ratio).collect())
}

fn latency(panel: &Panel) -> Option<Ratio> {
    let server = panel
        .series
        .iter()
        .find(|series| series.target == Target::Server)?;
    Some(Ratio {
        what: format!(
            "{}: p99 at {JUDGED_STEP}0 % of saturation in an open loop, ms",
            stock_name(panel.skus)
        ),
        aim: Aim::AtMost(5.0),
        reached: server.p99_ms_at(JUDGED_STEP)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cell: Cell, per_second: f64) -> Row {
        let sample = Sample {
            per_second,
            p50_ms: Some(1.0),
            p99_ms: Some(2.0),
            server_us: Some(10.0),
            redis_us: Some(10.0),
            per_call: None,
        };
        Row { cell, sample }
    }

    #[test]
    fn only_what_was_measured_is_judged() {
        let server = row(Cell::single(Target::Server, 64, 1), 50_000.0);
        assert_eq!(of(&[server], &[]), []);
        let pipelined = row(
            Cell::single(Target::Benchmark { pipeline: 16 }, 64, 1),
            25_000.0,
        );
        let bulk = row(Cell::bulk(100, 1), 60_000.0);
        let ratios = of(&[server, pipelined, bulk], &[]);
        assert_eq!(ratios.len(), 1);
        assert!((ratios[0].reached - 2.4).abs() < 1e-9 && ratios[0].is_met());
    }

    #[test]
    fn a_bound_is_met_where_it_lies() {
        let ratio = |aim, reached| Ratio {
            what: String::new(),
            aim,
            reached,
        };
        assert!(ratio(Aim::AtLeast(2.5), 2.5).is_met());
        assert!(!ratio(Aim::AtLeast(2.5), 2.49).is_met());
        assert!(ratio(Aim::AtMost(5.0), 4.9).is_met());
        assert!(!ratio(Aim::AtMost(5.0), f64::NAN).is_met());
    }
}
