//! `load/shop/run`: measures the shop that `cargo dev up` has started: orders from placed to
//! confirmed through the whole saga, logins, and the catalog. Prints the table, keeps it in
//! `load/results/`.

mod catalog;
mod customers;
mod login;
mod orders;
mod shop;

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use compare::machine;
use projection::{measure_and_keep, say};

use crate::shop::Shop;

#[derive(Parser, Debug)]
struct Options {
    /// As `cargo dev up` was told.
    #[arg(long, default_value_t = 0)]
    port_offset: u16,
    /// The SKU that everybody buys, one unit each; without a purchase limit.
    #[arg(long, default_value = "1")]
    sku: String,
    /// Customers who buy at the same time, each one order after the other.
    #[arg(long, default_value_t = 64)]
    buyers: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where to keep the table.
    #[arg(long, default_value = "load/results/shop.md")]
    keep: PathBuf,
}

fn main() -> ExitCode {
    let options = Options::parse();
    // An error: it is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    measure_and_keep("shop", &options.keep, measure(&options))
}

async fn measure(options: &Options) -> Result<String, String> {
    let shop = Shop::new(options.port_offset)?;
    let lasts = Duration::from_secs(options.seconds);
    let mut text = String::from("# load/shop\n\n");
    for line in machine::describe() {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(
        text,
        "- everything on this machine: Redis, MariaDB, Kafka, all services (release build), the payment sandbox, the load\n"
    );
    say("customers register and log in");
    let customers = customers::make(&shop, options.buyers).await?;

    say("orders, one after the other for each customer");
    let most = orders::as_many_as_go(&shop, &customers, &options.sku, lasts).await?;
    let rate = most.per_second / 2.0;
    say(&format!("{most:?}; now at {rate:.1}/s"));
    let half = orders::at_rate(&shop, &customers, &options.sku, rate, lasts).await?;
    say(&format!("{half:?}"));
    let _ = writeln!(
        text,
        "Orders, from `POST /api/orders` until the customer sees CONFIRMED (polled every {} ms; paid as soon as the order \
         waits for it):\n\n| how | orders/s | p50 ms | p99 ms |\n|---|---|---|---|\n\
         | {} customers, one order after the other | {:.0} | {:.0} | {:.0} |\n\
         | at fixed times, half of that rate | {:.0} | {:.0} | {:.0} |\n",
        orders::POLL.as_millis(),
        options.buyers,
        most.per_second,
        most.p50_ms,
        most.p99_ms,
        half.per_second,
        half.p50_ms,
        half.p99_ms
    );
    let logins = login::per_second(&shop, &customers, lasts).await?;
    let _ = writeln!(
        text,
        "Logins (argon2id, 19 MiB, 2 passes; 16 at a time): **{logins:.0}/s**.\n"
    );
    let _ = writeln!(
        text,
        "Catalog, {} connections, with live availability:\n\n| what | requests/s | p50 ms | p99 ms |\n|---|---|---|---|",
        catalog::CONNECTIONS
    );
    for (name, path) in catalog::paths(&shop).await? {
        let load = catalog::load(&shop, &path, lasts).await?;
        let _ = writeln!(
            text,
            "| {name} | {:.0} | {:.2} | {:.2} |",
            load.per_second, load.p50_ms, load.p99_ms
        );
    }
    Ok(text)
}

/// How fast, and how long it took.
#[derive(Debug, Clone, Copy)]
struct Load {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Load {
    fn of(mut took: Vec<Duration>, lasted: Duration) -> Self {
        took.sort_unstable();
        let at = |hundredth: usize| {
            let place = took.len().saturating_sub(1).saturating_mul(hundredth) / 100;
            took.get(place)
                .map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
        };
        let count = u32::try_from(took.len()).unwrap_or(u32::MAX);
        Self {
            per_second: f64::from(count) / lasted.as_secs_f64(),
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}
