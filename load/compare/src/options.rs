//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use crate::cell::Part;

/// Measures inventory-server side by side with what it claims to beat.
#[derive(Parser, Debug)]
pub struct Options {
    /// One round of 1 s each, steps of 0.5 s, 20,000 open holds: whether all works. Keeps nothing.
    #[arg(long)]
    pub quick: bool,
    /// Seconds of each measurement [default: 3, quick: 1].
    #[arg(long)]
    pub seconds: Option<u32>,
    /// Rounds; the tables show medians [default: 3, quick: 1].
    #[arg(long)]
    pub rounds: Option<usize>,
    /// Only these parts. Keeps nothing.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// Open holds beside which the part `holds` measures [default: 1000000, quick: 20000].
    #[arg(long)]
    pub open_holds: Option<u32>,
    /// Another argument for inventory-server, to try one out: `--server-arg=--batches-in-flight=1`. Keeps
    /// nothing.
    #[arg(long, allow_hyphen_values = true)]
    pub server_arg: Vec<String>,
    /// Folder that takes compare.md and latency.svg [default: load/results for a whole run].
    #[arg(long)]
    pub keep: Option<PathBuf>,
}

impl Options {
    /// Seconds of each measurement.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        self.seconds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// How long one step of the latency curve lasts.
    #[must_use]
    pub const fn step(&self) -> Duration {
        Duration::from_millis(if self.quick { 500 } else { 2_000 })
    }

    /// Rounds of everything but the curve.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// Holds that are open before the part `holds` begins.
    #[must_use]
    pub fn open_holds(&self) -> u32 {
        self.open_holds
            .unwrap_or(if self.quick { 20_000 } else { 1_000_000 })
    }

    /// Calls of redis-benchmark in one measurement; some 5 s.
    #[must_use]
    pub const fn benchmark_requests(&self) -> u32 {
        if self.quick { 10_000 } else { 100_000 }
    }

    /// Whether a part is to be measured.
    #[must_use]
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Where the results go; nowhere where they are not those of a whole run.
    #[must_use]
    pub fn kept_in(&self) -> Option<PathBuf> {
        let whole = !self.quick && self.only.is_empty() && self.server_arg.is_empty();
        let usual = whole.then(|| PathBuf::from("load/results"));
        self.keep.clone().or(usual)
    }
}
