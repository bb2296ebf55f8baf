//! What the measurements of the worker have in common.

pub mod stack;

use std::io::Write as _;

/// To the person who waits; a closed standard error is no reason to fail.
pub fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
