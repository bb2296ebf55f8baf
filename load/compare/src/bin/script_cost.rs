//! What the reserve script costs Redis itself, per reservation: time inside the script (the best
//! slice of 2,048, so that a busy machine disturbs little) and CPU of the whole process.

use std::{
    io::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use compare::{
    cell::Setting,
    machine,
    store::{self, Store},
};
use devstack::redis::RedisServer;
use inventory_core::{Reserve, ShardId, Text};

/// Batch size and number of SKUs.
const SHAPES: [(u32, u32); 7] = [
    (1, 1),
    (1, 1_000),
    (16, 1),
    (16, 1_000),
    (64, 1),
    (64, 1_000),
    (128, 1_000),
];
const RESERVATIONS: u32 = 100_000;
const SLICE: u32 = 2_048;

fn main() -> ExitCode {
    match SHAPES.into_iter().try_for_each(measure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "compare-script-cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure((batch, skus): (u32, u32)) -> Result<(), String> {
    let redis = Store::start(skus, Setting::default())?.redis;
    let pid = redis.pid().unwrap_or(0);
    let before = machine::cpu_seconds(pid);
    let best = store::block_on(reserve_all(&redis, batch, skus))?;
    let cpu = (machine::cpu_seconds(pid) - before) * 1e6 / f64::from(RESERVATIONS);
    let line = format!(
        "batch {batch:>3}, {skus:>4} SKUs: {best:>5.2} us in the script, {cpu:>5.1} us of CPU"
    );
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

async fn reserve_all(redis: &RedisServer, batch: u32, skus: u32) -> Result<f64, String> {
    let engine = store::connect(&redis.url()).await?;
    let mut best = f64::MAX;
    let (mut made, mut slice) = (0, 0);
    reset(redis)?;
    while made < RESERVATIONS {
        let commands = (made..made + batch)
            .map(|number| command(number, skus))
            .collect::<Result<Vec<_>, _>>()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        for answer in engine
            .reserve_batch(ShardId::ZERO, &commands, deadline)
            .await
        {
            let held = answer.map_err(|fault| fault.to_string())?;
            held.map_err(|refusal| format!("{refusal:?}"))?;
        }
        (made, slice) = (made + batch, slice + batch);
        if slice >= SLICE {
            best = best.min(usec_per_call(redis)? / f64::from(batch));
            slice = 0;
            reset(redis)?;
        }
    }
    Ok(best)
}

fn command(number: u32, skus: u32) -> Result<Reserve, String> {
    // A prime step, so that neighbours in a batch are different SKUs.
    let sku = store::sku_name(number.wrapping_mul(7_919) % skus);
    let mut command = store::one_line(&format!("r-{number:012}"), &sku)?;
    command.context.request_id = Text::parse("0123456789abcdef").ok();
    Ok(command)
}

fn reset(redis: &RedisServer) -> Result<(), String> {
    redis
        .command(&["CONFIG", "RESETSTAT"])
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn usec_per_call(redis: &RedisServer) -> Result<f64, String> {
    let stats = redis
        .command(&["INFO", "commandstats"])
        .map_err(|error| error.to_string())?;
    let stats = stats.text().unwrap_or_default();
    let line = stats
        .lines()
        .find(|line| line.starts_with("cmdstat_evalsha:"));
    let value = line.and_then(|line| line.split("usec_per_call=").nth(1)?.split(',').next());
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| "no statistics of EVALSHA".to_owned())
}
