//! Where the run stands, for the person who waits: a line that changes on a terminal, else a line every few seconds.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use crate::tally::Tally;

const ON_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(10);

/// Tells how a run goes.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    told: Option<Instant>,
    on_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            told: None,
            on_terminal: io::stderr().is_terminal(),
        }
    }

    /// Tells it, when it is time to.
    pub(crate) fn tell(&mut self, tally: &Tally) {
        let period = if self.on_terminal {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        if self.told.unwrap_or(self.began).elapsed() < period {
            return;
        }
        self.told = Some(Instant::now());
        let line = line(self.began.elapsed().as_secs(), tally);
        let written = if self.on_terminal {
            // Over the line before it.
            write!(io::stderr(), "\r\x1b[2K{line}")
        } else {
            writeln!(io::stderr(), "{line}")
        };
        // A closed standard error is no reason to fail.
        drop(written.and_then(|()| io::stderr().flush()));
    }

    /// The line stays, what follows begins a new one.
    pub(crate) fn end(&self) {
        if self.on_terminal && self.told.is_some() {
            drop(writeln!(io::stderr()));
        }
    }
}

fn line(seconds: u64, tally: &Tally) -> String {
    let glance = tally.glance();
    let mut line = format!(
        "    {seconds:>4} s  {:>7} requests  {:>6}/s  p99 {:.1} ms",
        glance.requests, glance.per_second, glance.p99_ms
    );
    for (metric, word) in [
        ("held_units", "held"),
        ("confirmed_units", "sold"),
        ("orders_confirmed", "orders"),
        ("refused", "refused"),
        ("broken", "BROKEN"),
    ] {
        let count = tally.counter(metric);
        if count > 0 {
            line.push_str(&format!("  {word} {count}"));
        }
    }
    line
}
