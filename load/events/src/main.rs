//! `load/events/run`: measures how long a reservation takes from its HTTP request to its event on
//! Kafka, prints the table, keeps it in `load/results/`.

mod consume;
mod reserve;

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use clap::Parser;
use compare::machine;
use devstack::{kafka::KafkaServer, mariadb::MariaDbServer};
use projection::{measure_and_keep, say, stack::Stack};

#[derive(Parser, Debug)]
struct Options {
    /// Reservations per second, at fixed times whatever the answers take. Repeatable.
    #[arg(long, default_values_t = [100, 1_000, 5_000])]
    per_second: Vec<u32>,
    /// Seconds of each rate; the first two are not counted.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Where to keep the table.
    #[arg(long, default_value = "load/results/events.md")]
    keep: PathBuf,
}

const SKUS: u32 = 1_000;
/// Not counted: connections are opened, statements prepared.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the last events may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// When each reservation was asked for.
type Asked = Arc<Mutex<HashMap<String, Instant>>>;

fn main() -> ExitCode {
    let options = Options::parse();
    measure_and_keep("events", &options.keep, measure(&options))
}

async fn measure(options: &Options) -> Result<String, String> {
    let mut text = String::from("# load/events\n\n");
    for line in machine::describe() {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(
        text,
        "- Kafka {}, one broker; MariaDB flushing at each commit; Redis AOF everysec; everything on this machine\n\n\
         Reservations by HTTP at fixed times, {SKUS} SKUs, {} s each; from the request to its answer, and from the request \
         until a consumer of `inventory.reserved` has the event (outbox, published by the relay):\n\n\
         | reservations/s | answered p50 ms | p99 ms | on Kafka p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|---|",
        devstack::kafka::KAFKA_VERSION,
        options.seconds
    );
    let mariadb = MariaDbServer::builder()
        .start()
        .map_err(|error| error.to_string())?;
    for rate in &options.per_second {
        let row = one(&mariadb, *rate, options.seconds).await?;
        say(&row);
        let _ = writeln!(text, "{row}");
    }
    Ok(text)
}

/// One rate, on stores of its own.
async fn one(mariadb: &MariaDbServer, rate: u32, seconds: u32) -> Result<String, String> {
    let kafka = tokio::task::spawn_blocking(|| KafkaServer::builder().start())
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let brokers = kafka.bootstrap();
    let stack = Stack::start(mariadb, SKUS).await?;
    let worker = stack.worker_with(&["--kafka-brokers", &brokers])?;
    let server = stack.server()?;
    server.wait_ready().await?;
    stack.caught_up().await?;

    let asked: Asked = Asked::default();
    let all = usize::try_from(rate.saturating_mul(seconds)).unwrap_or(usize::MAX);
    let consuming = consume::start(&brokers, Arc::clone(&asked), all, PATIENCE).await?;
    let answered = reserve::at(server.address, rate, seconds, WARM_UP, &asked).await?;
    let arrived = consuming.await.map_err(|error| error.to_string())??;
    for process in [&server.process, &worker.process] {
        process.terminate().map_err(|error| error.to_string())?;
    }
    let began = answered.began + WARM_UP;
    let on_kafka = arrived
        .into_iter()
        .filter(|(asked, _)| *asked >= began)
        .map(|(_, took)| took)
        .collect();
    let [a50, a99, _] = percentiles(answered.took);
    let [k50, k99, longest] = percentiles(on_kafka);
    Ok(format!(
        "| {rate} | {a50:.2} | {a99:.2} | {k50:.1} | {k99:.1} | {longest:.1} |"
    ))
}

/// Median, 99th percentile and longest, in ms.
fn percentiles(mut took: Vec<Duration>) -> [f64; 3] {
    took.sort_unstable();
    [50, 99, 100].map(|hundredth| {
        let place = took.len().saturating_sub(1).saturating_mul(hundredth) / 100;
        took.get(place)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    })
}
