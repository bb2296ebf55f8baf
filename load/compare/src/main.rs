//! `load/compare/run`: measures, prints the table, keeps it in `load/results/`.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use clap::Parser;
use compare::{
    machine, redis_benchmark,
    report::{self, Ratio, Row, median},
    target::{self, Target},
    wrk::{self, Load, Measured},
};

#[derive(Parser, Debug)]
struct Options {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Rounds; the table shows medians.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Only this: the server on one hot SKU, on an empty store and beside so many open holds.
    #[arg(long)]
    open_holds: Option<u32>,
    /// Where to keep the table.
    #[arg(long, default_value = "load/results/compare.md")]
    keep: PathBuf,
}

/// A name for each of the two stock loads.
const STOCKS: [(u32, &str); 2] = [(1_000, "1,000 SKUs"), (1, "one hot SKU")];
const CONNECTIONS: [u32; 2] = [64, 256];
const BENCHMARK_REQUESTS: u32 = 300_000;

struct Sample {
    measured: Measured,
    server_us: f64,
    redis_us: f64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match measure(&options) {
        Ok(text) => {
            let _ = writeln!(std::io::stdout(), "{text}");
            match fs::write(&options.keep, text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&format!("{}: {error}", options.keep.display())),
            }
        }
        Err(error) => failed(&error),
    }
}

fn failed(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "compare: {why}");
    ExitCode::FAILURE
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn measure(options: &Options) -> Result<String, String> {
    let mut rows = Vec::new();
    if let Some(open_holds) = options.open_holds {
        return beside_open_holds(options, open_holds);
    }
    for connections in CONNECTIONS {
        for (skus, stock) in STOCKS {
            let load = Load {
                connections,
                seconds: options.seconds,
                skus,
            };
            rows.extend(http_rows(options, load, stock)?);
        }
    }
    for (skus, stock) in STOCKS {
        rows.extend(benchmark_rows(options, skus, stock)?);
    }
    let how = format!(
        "{} rounds of {} s, interleaved, medians; wrk -t1 on the same machine; one-line \
         reservations, each with an id of its own; Redis over a unix socket, AOF everysec; every \
         round on a fresh store",
        options.rounds, options.seconds
    );
    Ok(report::markdown(
        &machine::describe(),
        &how,
        &rows,
        &ratios(&rows),
    ))
}

fn http_rows(options: &Options, load: Load, stock: &'static str) -> Result<Vec<Row>, String> {
    let targets = [Target::Server, Target::Plain, Target::Hello];
    let mut samples: Vec<Vec<Sample>> = targets.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        for (target, samples) in targets.iter().zip(&mut samples) {
            let sample = one(*target, load, 0)?;
            say(&format!(
                "round {} {} {} connections {stock}: {:.0}/s p50 {:.2} p99 {:.2} server {:.1} us redis {:.1} us",
                round + 1,
                target.name(),
                load.connections,
                sample.measured.per_second,
                sample.measured.p50_ms,
                sample.measured.p99_ms,
                sample.server_us,
                sample.redis_us,
            ));
            samples.push(sample);
        }
    }
    let rows = targets.iter().zip(samples).map(|(target, samples)| {
        let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value).collect());
        Row {
            name: target.name().to_owned(),
            connections: load.connections,
            skus: stock,
            per_second: of(|s| s.measured.per_second),
            p50_ms: Some(of(|s| s.measured.p50_ms)),
            p99_ms: Some(of(|s| s.measured.p99_ms)),
            server_us: Some(of(|s| s.server_us)),
            redis_us: (*target != Target::Hello).then(|| of(|s| s.redis_us)),
        }
    });
    Ok(rows.collect())
}

/// Alternates between an empty store and a full one, so that both see the same machine.
fn beside_open_holds(options: &Options, open_holds: u32) -> Result<String, String> {
    let load = Load {
        connections: 64,
        seconds: options.seconds,
        skus: 1,
    };
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..options.rounds {
        for (holds, rates) in [0, open_holds].into_iter().zip(&mut rates) {
            let sample = one(Target::Server, load, holds)?;
            say(&format!(
                "round {} beside {holds} open holds: {:.0}/s server {:.1} us redis {:.1} us",
                round + 1,
                sample.measured.per_second,
                sample.server_us,
                sample.redis_us,
            ));
            rates.push(sample.measured.per_second);
        }
    }
    let [empty, full] = rates.map(median);
    let machine: Vec<String> = machine::describe()
        .iter()
        .map(|line| format!("- {line}"))
        .collect();
    Ok(format!(
        "# inventory-server beside {open_holds} open holds on the same SKU\n\n{}\n- {} rounds of {} s \
         each, alternating, medians; wrk -t1 -c64, one hot SKU, AOF everysec\n\n| open holds before | \
         requests/s |\n|---|---|\n| 0 | {empty:.0} |\n| {open_holds} | {full:.0} |\n\nratio {:.2}\n",
        machine.join("\n"),
        options.rounds,
        options.seconds,
        full / empty,
    ))
}

fn one(target: Target, load: Load, open_holds: u32) -> Result<Sample, String> {
    let running = target::start(target, load.skus, open_holds)?;
    let (server, redis) = (
        running.process.pid().unwrap_or(0),
        running.redis.pid().unwrap_or(0),
    );
    wrk::run(running.address, Load { seconds: 1, ..load }, "warm")?;
    let before = (machine::cpu_seconds(server), machine::cpu_seconds(redis));
    let measured = wrk::run(running.address, load, "r")?;
    let after = (machine::cpu_seconds(server), machine::cpu_seconds(redis));
    if measured.failures > 0 {
        return Err(format!(
            "{}: {} requests failed",
            target.name(),
            measured.failures
        ));
    }
    let each = |seconds: f64| seconds * 1e6 / measured_requests(measured);
    Ok(Sample {
        measured,
        server_us: each(after.0 - before.0),
        redis_us: each(after.1 - before.1),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
const fn measured_requests(measured: Measured) -> f64 {
    measured.requests as f64
}

fn benchmark_rows(options: &Options, skus: u32, stock: &'static str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for pipeline in [1, 16] {
        let mut rates = Vec::new();
        for _ in 0..options.rounds {
            let redis = target::store(skus, 0)?;
            rates.push(redis_benchmark::run(
                &redis,
                pipeline,
                skus,
                BENCHMARK_REQUESTS,
            )?);
        }
        let name = format!("redis-benchmark -P {pipeline}, same script");
        say(&format!("{name} {stock}: {:.0}/s", median(rates.clone())));
        rows.push(Row {
            name,
            connections: 64,
            skus: stock,
            per_second: median(rates),
            p50_ms: None,
            p99_ms: None,
            server_us: None,
            redis_us: None,
        });
    }
    Ok(rows)
}

fn ratios(rows: &[Row]) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (_, stock) in STOCKS {
        let row = |name: &str| {
            rows.iter()
                .find(|r| r.name.starts_with(name) && r.connections == 64 && r.skus == stock)
        };
        let (Some(server), Some(plain), Some(hello), Some(benchmark)) = (
            row("inventory"),
            row("plain"),
            row("hello"),
            row("redis-benchmark -P 1,"),
        ) else {
            continue;
        };
        let cpu = |row: &Row| row.server_us.unwrap_or(0.0) + row.redis_us.unwrap_or(0.0);
        let mut at_least = |what: String, target: &'static str, aim: f64, reached: f64| {
            ratios.push(Ratio {
                what,
                target,
                reached,
                met: reached >= aim,
            });
        };
        at_least(
            format!("{stock}: requests/s of the plain version"),
            ">= 2.5",
            2.5,
            server.per_second / plain.per_second,
        );
        at_least(
            format!("{stock}: redis-benchmark -P 1"),
            ">= 1.5",
            1.5,
            server.per_second / benchmark.per_second,
        );
        at_least(
            format!("{stock}: hello-world"),
            ">= 0.7",
            0.7,
            server.per_second / hello.per_second,
        );
        let latency = server.p99_ms.unwrap_or(f64::NAN) / plain.p50_ms.unwrap_or(f64::NAN);
        ratios.push(Ratio {
            what: format!("{stock}: p99 by the plain version's p50"),
            target: "<= 1",
            reached: latency,
            met: latency <= 1.0,
        });
        let share = cpu(server) / cpu(plain);
        ratios.push(Ratio {
            what: format!("{stock}: CPU per request by the plain version's"),
            target: "<= 0.33",
            reached: share,
            met: share <= 1.0 / 3.0,
        });
    }
    ratios
}
