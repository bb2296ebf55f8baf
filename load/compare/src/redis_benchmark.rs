//! redis-benchmark of the very same single-reserve script: no HTTP, no JSON.

use std::process::Command;

use devstack::redis::RedisServer;
use inventory_core::{Context, Line, Lines, Location, ReservationId, Reserve, Sku, engine::raw};

/// Runs it with `pipeline` commands in flight on each of 64 connections; reservations per second.
///
/// With one SKU the stock key is fixed; with 1,000 redis-benchmark draws it.
///
/// # Errors
/// What went wrong, in words.
pub fn run(redis: &RedisServer, pipeline: u32, skus: u32, requests: u32) -> Result<f64, String> {
    let text = |error: devstack::Error| error.to_string();
    let epoch = redis
        .command(&["HGET", &raw::meta_key(), "epoch"])
        .map_err(text)?;
    let epoch = epoch.text().ok_or("the store has no epoch")?;
    let hash = redis
        .command(&["SCRIPT", "LOAD", &raw::reserve_script()])
        .map_err(text)?;
    let hash = hash.text().ok_or("SCRIPT LOAD answers no hash")?;
    // redis-benchmark draws each __rand_int__ anew, 12 digits below -r: three make an id.
    let sku = if skus == 1 {
        "sku-1".to_owned()
    } else {
        "sku-__rand_int__".to_owned()
    };
    let command = raw::reserve(&Reserve {
        id: parse(ReservationId::parse(
            "r-__rand_int__.__rand_int__.__rand_int__",
        ))?,
        lines: parse(Lines::summed(vec![Line {
            sku: parse(Sku::parse(&sku))?,
            location: Location::default(),
            quantity: 1,
        }]))?,
        ttl_ms: 900_000,
        order: None,
        customer: None,
        metadata: None,
        context: Context::default(),
    });
    if skus > 1 {
        seed_drawn(redis, skus)?;
    }
    let mut run = Command::new("redis-benchmark");
    run.arg("-s")
        .arg(redis.socket())
        .args(["-c", "64", "-P", &pipeline.to_string()]);
    run.args([
        "-n",
        &requests.to_string(),
        "-r",
        &skus.max(1_000).to_string(),
        "--csv",
    ]);
    run.args(["EVALSHA", &hash, &command.keys.len().to_string()])
        .args(&command.keys);
    run.args([epoch.as_str(), ""]);
    for argument in command.arguments {
        use std::os::unix::ffi::OsStringExt as _;
        // The ttl would hold zero bytes, which no command line can carry.
        run.arg(std::ffi::OsString::from_vec(without_zeros(argument)));
    }
    let output = run
        .output()
        .map_err(|error| format!("redis-benchmark: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let row = text.lines().last().unwrap_or_default();
    let rate = row
        .rsplit("\",\"")
        .nth(6)
        .and_then(|rate| rate.parse().ok());
    rate.ok_or_else(|| {
        format!(
            "redis-benchmark printed {text:?} {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Zero bytes of the packed numbers and the ttl become other numbers of the same size: an array
/// header stays what it is only if the count is small, so that is written in its short form.
fn without_zeros(argument: Vec<u8>) -> Vec<u8> {
    match argument.split_first() {
        Some((0xdd, rest)) if rest.starts_with(&[0, 0, 0]) && rest.len() > 4 => {
            let mut short = vec![0x90 | rest[3]];
            short.extend_from_slice(&rest[4..]);
            short.into_iter().map(|byte| byte.max(1)).collect()
        }
        _ => argument.into_iter().map(|byte| byte.max(1)).collect(),
    }
}

/// The SKUs as redis-benchmark writes its numbers: 12 digits.
fn seed_drawn(redis: &RedisServer, skus: u32) -> Result<(), String> {
    for number in 0..skus {
        let key = format!("inv:{{s0}}:stock:default:sku-{number:012}");
        let fields = [
            "availableQuantity",
            "1000000000",
            "reservedQuantity",
            "0",
            "soldQuantity",
            "0",
            "version",
            "1",
        ];
        let mut command = vec!["HSET", key.as_str()];
        command.extend(fields);
        redis.command(&command).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn parse<T, E: std::fmt::Display>(value: Result<T, E>) -> Result<T, String> {
    value.map_err(|error| error.to_string())
}
