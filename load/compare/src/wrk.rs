//! wrk, the closed-loop load generator, with `load/compare/reserve.lua`.

use std::{net::SocketAddr, process::Command};

use crate::cell::Load;

/// What it measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// Requests answered.
    pub requests: u64,
    /// Requests per second.
    pub per_second: f64,
    /// Median latency, ms.
    pub p50_ms: f64,
    /// 99th percentile of latency, ms.
    pub p99_ms: f64,
}

/// Runs wrk against `address` for some seconds; ids begin with `prefix`.
///
/// # Errors
/// wrk could not be started, or printed something else; a request failed.
pub fn run(
    address: SocketAddr,
    load: Load,
    seconds: u32,
    prefix: &str,
) -> Result<Measured, String> {
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", &load.connections.to_string()])
        .args(["-d", &format!("{seconds}s")])
        .args(["-s", concat!(env!("CARGO_MANIFEST_DIR"), "/reserve.lua")])
        .arg(format!("http://{address}"))
        .args(["--", &load.skus.to_string(), prefix])
        .args([load.lines.to_string(), load.bulk.to_string()])
        .output()
        .map_err(|error| format!("wrk: {error}; cargo dev load compare installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.ok_or_else(|| format!("wrk printed no result: {text}"))?;
    let field = |name: &str| {
        let value = line
            .split(' ')
            .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        value
            .and_then(|value| value.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    let failures = field("non2xx") + field("errors");
    if failures != 0.0 {
        return Err(format!("{failures} requests failed: {line}"));
    }
    let requests = field("requests");
    Ok(Measured {
        requests: whole(requests),
        per_second: requests / field("duration_us") * 1e6,
        p50_ms: field("p50_us") / 1e3,
        p99_ms: field("p99_us") / 1e3,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that wrk printed as an integer"
)]
const fn whole(count: f64) -> u64 {
    count as u64
}
