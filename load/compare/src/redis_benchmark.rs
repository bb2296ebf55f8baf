//! redis-benchmark of the very same single-reserve script: no HTTP, no JSON.

use std::process::Command;

use inventory_core::engine::raw;

use crate::store::{self, Store};

/// It draws the numbers of ids below this at least.
const ID_NUMBERS: u32 = 1_000;

/// Runs it with `pipeline` commands in flight on each of 64 connections; reservations per second.
/// Its numbers are 12 digits from 0: with one SKU the only one, else drawn.
///
/// # Errors
/// What went wrong, in words.
pub fn run(store: &Store, pipeline: u32, skus: u32, requests: u32) -> Result<f64, String> {
    let redis = &store.redis;
    let text = |error: devstack::Error| error.to_string();
    let epoch = redis
        .command(&["HGET", &raw::meta_key(), "epoch"])
        .map_err(text)?;
    let epoch = epoch.text().ok_or("the store has no epoch")?;
    let hash = redis
        .command(&["SCRIPT", "LOAD", &raw::reserve_script()])
        .map_err(text)?;
    let hash = hash.text().ok_or("SCRIPT LOAD answers no hash")?;
    let sku = if skus == 1 {
        store::sku_name(0)
    } else {
        "sku-__rand_int__".to_owned()
    };
    // It draws each __rand_int__ anew, below -r: three make an id.
    let reserve = store::one_line("r-__rand_int__.__rand_int__.__rand_int__", &sku)?;
    let command = raw::reserve(&reserve);
    let mut run = Command::new("redis-benchmark");
    run.arg("-s")
        .arg(redis.socket())
        .args(["-c", "64", "-P", &pipeline.to_string()])
        .args(["-n", &requests.to_string()])
        .args(["-r", &skus.max(ID_NUMBERS).to_string(), "--csv"])
        .args(["EVALSHA", &hash, &command.keys.len().to_string()])
        .args(&command.keys)
        .args([epoch.as_str(), ""]);
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
