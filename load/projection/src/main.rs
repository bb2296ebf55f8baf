//! `load/projection/run`: measures the write-behind, prints the table, keeps it in `load/results/`.

mod bare;
mod drain;
mod plain_sql;
mod rates;
mod rebuild;

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use compare::machine;
use devstack::mariadb::MariaDbServer;
use projection::{measure_and_keep, say};

#[derive(Parser, Debug)]
struct Options {
    /// Reservations in each measurement of the rate of applying.
    #[arg(long, default_value_t = 200_000)]
    reservations: usize,
    /// Entries of the long backlog, one reservation each; 0 leaves it out.
    #[arg(long, default_value_t = 1_000_000)]
    backlog: usize,
    /// Stocks, and as many open holds, of the rebuild; 0 leaves it out.
    #[arg(long, default_value_t = 1_000_000)]
    rebuild: u32,
    /// Seconds of each step of the rates.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Where to keep the table.
    #[arg(long, default_value = "load/results/projection.md")]
    keep: PathBuf,
}

/// Reservations in an entry, as a busy server writes them.
const BATCHED: usize = 16;
const SKUS: [u32; 2] = [1_000, 1];
const SQL_CONNECTIONS: u32 = 64;
const BUFFER_POOL_MIB: u32 = 1_024;

fn main() -> ExitCode {
    let options = Options::parse();
    measure_and_keep("projection", &options.keep, measure(&options))
}

async fn measure(options: &Options) -> Result<String, String> {
    let mariadb = MariaDbServer::builder()
        .buffer_pool_mib(BUFFER_POOL_MIB)
        .start()
        .map_err(|error| error.to_string())?;
    let mut text = String::from("# load/projection\n\n");
    for line in machine::describe() {
        let _ = writeln!(text, "- {line}");
    }
    let version = mariadb
        .sql("SELECT VERSION()")
        .map_err(|error| error.to_string())?;
    let _ = writeln!(
        text,
        "- MariaDB {}, innodb_flush_log_at_trx_commit=1, buffer pool {BUFFER_POOL_MIB} MiB; Redis over a \
         unix socket, AOF everysec; everything on this machine\n",
        version.lines().last().unwrap_or("?").trim()
    );
    apply(options, &mariadb, &mut text).await?;
    rates(options, &mariadb, &mut text).await?;
    rebuild(options, &mariadb, &mut text).await?;
    let plain = plain_sql::per_second(&mariadb, SQL_CONNECTIONS, Duration::from_secs(10)).await?;
    let _ = writeln!(
        text,
        "\nThe same reservation as plain SQL (`UPDATE … WHERE available >= 1`, two inserts, commit), one hot SKU, \
         {SQL_CONNECTIONS} connections: **{plain:.0}/s**."
    );
    Ok(text)
}

async fn apply(
    options: &Options,
    mariadb: &MariaDbServer,
    text: &mut String,
) -> Result<(), String> {
    text.push_str(
        "Applying a backlog with the hot path idle, and the same multi-row SQL in a bare loop:\n\n\
         | reservations per entry | stock | entries/s | reservations/s | bare loop, reservations/s | ratio |\n\
         |---|---|---|---|---|---|\n",
    );
    for skus in SKUS {
        let distinct = usize::try_from(skus).unwrap_or(1);
        let floor = bare::per_second(mariadb, options.reservations, distinct).await?;
        say(&format!("bare loop, {skus} SKUs: {floor:.0}/s"));
        for each in [1, BATCHED] {
            let entries = options.reservations / each;
            let drained = drain::drain(mariadb, entries, each, skus).await?;
            let _ = writeln!(
                text,
                "| {each} | {} | {:.0} | {:.0} | {floor:.0} | {:.2} |",
                if skus == 1 {
                    "one hot SKU"
                } else {
                    "1,000 SKUs"
                },
                drained.entries_per_second(),
                drained.reservations_per_second(),
                drained.reservations_per_second() / floor,
            );
        }
    }
    if options.backlog > 0 {
        let drained = drain::drain(mariadb, options.backlog, 1, SKUS[0]).await?;
        let _ = writeln!(
            text,
            "\nA backlog of {} entries, one reservation each, is drained in **{:.0} s**.",
            drained.entries, drained.seconds
        );
    }
    Ok(())
}

async fn rebuild(
    options: &Options,
    mariadb: &MariaDbServer,
    text: &mut String,
) -> Result<(), String> {
    if options.rebuild == 0 {
        return Ok(());
    }
    let rebuilt = rebuild::measure(mariadb, options.rebuild).await?;
    let per_second = 2.0 * f64::from(rebuilt.things) / rebuilt.seconds;
    let [p50, p99, longest] = rebuilt.call_ms;
    let _ = writeln!(
        text,
        "\nRedis emptied, {} stocks and as many open holds rebuilt from MariaDB: open again after **{:.0} s** \
         ({per_second:.0} things/s, AOF everysec), progress said {} times, the worker at most {:.0} MiB. Another client's \
         calls to the same Redis meanwhile: p50 {p50:.2} ms, p99 {p99:.2} ms, longest {longest:.1} ms. \
         `reconcile check` afterwards: no difference, {:.0} s.",
        rebuilt.things,
        rebuilt.seconds,
        rebuilt.progress,
        rebuilt.worker_mib,
        rebuilt.check_seconds
    );
    Ok(())
}

async fn rates(
    options: &Options,
    mariadb: &MariaDbServer,
    text: &mut String,
) -> Result<(), String> {
    let steps = rates::steps(mariadb, options.seconds).await?;
    let _ = writeln!(
        text,
        "\nReservations through HTTP at a given rate, {} s each, 1,000 SKUs; latency with the worker and without:\n\n\
         | reservations/s | longest lag s | p50 ms with / without | p99 ms with / without |\n|---|---|---|---|",
        options.seconds
    );
    for step in &steps {
        let _ = writeln!(
            text,
            "| {:.0} | {:.2} | {:.2} / {:.2} | {:.2} / {:.2} |",
            step.per_second,
            step.lag_seconds,
            step.p50_ms[0],
            step.p50_ms[1],
            step.p99_ms[0],
            step.p99_ms[1]
        );
    }
    let kept = steps
        .iter()
        .filter(|step| step.lag_seconds < 1.0)
        .map(|step| step.per_second)
        .fold(0.0, f64::max);
    let _ = writeln!(
        text,
        "\nHighest of these rates at which the lag stays under a second: **{kept:.0}/s**."
    );
    Ok(())
}
