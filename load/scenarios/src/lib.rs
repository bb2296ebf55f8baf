//! Runs k6 scenarios, and verifies what they measured against every store.
//!
//! k6 makes the requests and counts what it was told; this program starts what is needed, seeds the
//! stock, draws the run second by second, and then asks Redis, the journal, MariaDB and Kafka what
//! they have. One unit of difference fails the run.

pub mod cli;
pub mod flow;
mod http;
pub mod k6;
pub mod keep;
mod machine;
mod monitor;
pub mod place;
pub mod plan;
mod programs;
mod progress;
pub mod report;
pub mod result;
mod run;
mod seed;
pub mod stores;
pub mod tally;
pub mod verify;

pub use programs::program;
pub use run::run;

use std::io::Write as _;

/// To the person who waits; a closed standard error is no reason to fail.
pub fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
