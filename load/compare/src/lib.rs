//! Measures inventory-server side by side with what it claims to beat, in one run on one machine.

pub mod machine;
pub mod redis_benchmark;
pub mod report;
pub mod target;
pub mod wrk;

use std::{io::Write as _, net::SocketAddr};

/// Says where a server listens, in the one line that the runner waits for.
pub fn announce(address: SocketAddr) {
    // If nobody reads it, nobody needs it.
    let _ = writeln!(std::io::stdout(), "listening address={address}");
}
