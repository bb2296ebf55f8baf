//! What is measured, started.

use std::{net::SocketAddr, time::Duration};

use devstack::{
    process::{Builder, ServerProcess},
    redis::{Appendonly, RedisServer},
};
use inventory_core::Sku;

use crate::{
    cell::{Setting, Target},
    store::{self, Store},
};

pub use crate::store::one_line;

/// How long a server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub process: ServerProcess,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A private Redis with AOF everysec, the SKUs `sku-1`, `sku-2` and so on, and open holds spread over
/// them, for others to measure.
///
/// # Errors
/// What did not start.
pub fn store(skus: u32, open_holds: u32) -> Result<RedisServer, String> {
    let redis = RedisServer::builder()
        .appendonly(Appendonly::Everysec)
        .start()
        .map_err(|error| error.to_string())?;
    let skus = (1..=skus)
        .map(|number| Sku::parse(&format!("sku-{number}")).map_err(|error| error.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    store::block_on(async {
        let engine = store::connect(&redis.url()).await?;
        store::count_all(&engine, &skus).await?;
        store::hold(&engine, &skus, open_holds).await
    })?;
    Ok(redis)
}

/// Starts a server on a store; `more` are further arguments of inventory-server.
///
/// # Errors
/// What did not start; redis-benchmark is none.
pub fn start(
    target: Target,
    store: &Store,
    setting: Setting,
    more: &[String],
) -> Result<Running, String> {
    let builder = command(target, store.url(), setting, more)?;
    let process = builder.start().map_err(|error| error.to_string())?;
    let line = process
        .wait_for_line(|line| line.contains("listening"), START_TIMEOUT)
        .map_err(|error| error.to_string())?;
    let address = line.split("address=").nth(1).and_then(|rest| {
        rest.trim_matches('"')
            .split([' ', '"'])
            .next()?
            .parse()
            .ok()
    });
    let address = address.ok_or_else(|| format!("no address in {line:?}"))?;
    Ok(Running { process, address })
}

fn command(
    target: Target,
    url: &str,
    setting: Setting,
    more: &[String],
) -> Result<Builder, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let bin = |name: &str| ServerProcess::builder(here.with_file_name(name));
    let durability = if setting.durable {
        "always"
    } else {
        "everysec"
    };
    match target {
        Target::Server => Ok(bin("inventory-server")
            .without_env("INVENTORY_")
            .args(["--listen", "127.0.0.1:0", "--redis-url", url])
            .args(["--durability", durability])
            .args(["--projection", "none", "--log", "text"])
            .args(more)),
        Target::Plain => Ok(bin("compare-plain").args(["127.0.0.1:0", url])),
        Target::Hello => Ok(bin("compare-hello").args(["127.0.0.1:0"])),
        Target::Benchmark { .. } => Err("redis-benchmark is no server".to_owned()),
    }
}
