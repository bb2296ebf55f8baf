//! Measures inventory-server side by side with what it claims to beat, in one run on one machine.

pub mod batches;
pub mod cell;
pub mod chart;
pub mod curve;
pub mod machine;
pub mod open_loop;
pub mod options;
pub mod ratios;
pub mod redis_benchmark;
pub mod report;
pub mod rounds;
pub mod store;
pub mod target;
pub mod wrk;

use std::{io::Write as _, net::SocketAddr};

/// Says where a server listens, in the one line that the runner waits for.
pub fn announce(address: SocketAddr) {
    // If nobody reads it, nobody needs it.
    let _ = writeln!(std::io::stdout(), "listening address={address}");
}

/// Tells who watches how far it is.
pub fn say(text: &str) {
    // If nobody reads it, nobody needs it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Notes what failed; the rest is measured all the same.
pub fn note(failures: &mut Vec<String>, what: &str, error: &str) {
    let failure = format!("{what}: {error}");
    say(&failure);
    failures.push(failure);
}

/// The value in the middle.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
