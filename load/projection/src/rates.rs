//! At which rate of reservations the projection keeps up, with everything on this machine, and what
//! the worker costs the hot path there.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use devstack::mariadb::MariaDbServer;

use projection::stack::Stack;

/// Connections of the generator: many, so that pauses of whole milliseconds make fine steps.
const CONNECTIONS: u32 = 256;
/// Pauses of a connection between two requests, ms; each is a rate.
pub(crate) const PAUSES_MS: [u32; 7] = [51, 26, 17, 13, 10, 8, 6];
const SKUS: u32 = 1_000;

/// One rate, with and without the worker.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Reservations per second with the worker.
    pub(crate) per_second: f64,
    /// Longest lag seen, s.
    pub(crate) lag_seconds: f64,
    /// Median latency with the worker, and without, ms.
    pub(crate) p50_ms: [f64; 2],
    /// 99th percentile with the worker, and without, ms.
    pub(crate) p99_ms: [f64; 2],
}

struct Load {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// All steps up to the first at which the lag passes five seconds.
///
/// # Errors
/// What did not start or answer.
pub(crate) async fn steps(mariadb: &MariaDbServer, seconds: u32) -> Result<Vec<Step>, String> {
    let stack = Stack::start(mariadb, SKUS).await?;
    let server = stack.server()?;
    server.wait_ready().await?;
    let mut steps = Vec::new();
    for (number, pause) in PAUSES_MS.into_iter().enumerate() {
        let alone = load(server.address, &format!("alone{number}"), pause, seconds)?;
        let worker = stack.worker()?;
        stack.caught_up().await?;
        let address = server.address;
        let prefix = format!("with{number}");
        let running = tokio::task::spawn_blocking(move || load(address, &prefix, pause, seconds));
        let mut lag = 0.0_f64;
        while !running.is_finished() {
            lag = lag.max(worker.metric("sync_worker_projection_lag_seconds")?);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let with = running.await.map_err(|error| error.to_string())??;
        stack.caught_up().await?;
        worker
            .process
            .terminate()
            .map_err(|error| error.to_string())?;
        let step = Step {
            per_second: with.per_second,
            lag_seconds: lag,
            p50_ms: [with.p50_ms, alone.p50_ms],
            p99_ms: [with.p99_ms, alone.p99_ms],
        };
        projection::say(&format!("{step:?}"));
        steps.push(step);
        if lag > 5.0 {
            break;
        }
    }
    Ok(steps)
}

fn load(address: SocketAddr, prefix: &str, pause: u32, seconds: u32) -> Result<Load, String> {
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", &CONNECTIONS.to_string()])
        .args(["-d", &format!("{seconds}s")])
        .args(["-s", concat!(env!("CARGO_MANIFEST_DIR"), "/paced.lua")])
        .arg(format!("http://{address}"))
        .args(["--", &SKUS.to_string(), prefix, &pause.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("wrk: {error}; cargo dev load projection installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let fields: Vec<f64> = text
        .lines()
        .find_map(|line| line.strip_prefix("RESULT "))
        .map(|line| {
            line.split(' ')
                .filter_map(|field| field.parse().ok())
                .collect()
        })
        .unwrap_or_default();
    let [requests, micros, p50, p99, failures] = fields[..] else {
        return Err(format!("wrk printed no result: {text}"));
    };
    if failures > 0.0 {
        return Err(format!("{failures} answers were no 2xx"));
    }
    Ok(Load {
        per_second: requests / micros * 1e6,
        p50_ms: p50 / 1e3,
        p99_ms: p99 / 1e3,
    })
}
