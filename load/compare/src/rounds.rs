//! Measures the cells, round after round, each on a store of its own, and counts what was reserved.

use crate::{
    batches,
    cell::{Cell, Target},
    machine, median, note,
    options::Options,
    redis_benchmark, say,
    store::Store,
    target, wrk,
};

const WARM_UP_SECONDS: u32 = 1;
/// Calls of redis-benchmark that may meet an id that it drew before.
const REPEATED_PER_THOUSAND: u64 = 1;

/// What one measurement gave; everything is per reservation, but latencies are of requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Reservations per second.
    pub per_second: f64,
    /// Median latency, ms; none of redis-benchmark.
    pub p50_ms: Option<f64>,
    /// 99th percentile of latency, ms; none of redis-benchmark.
    pub p99_ms: Option<f64>,
    /// CPU of the server, microseconds; none of redis-benchmark.
    pub server_us: Option<f64>,
    /// CPU of Redis, microseconds; none of hello-world.
    pub redis_us: Option<f64>,
    /// Reservations in a script call, where the server says so: not of bulk requests.
    pub per_call: Option<f64>,
}

/// A cell and the medians over its rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// What was measured.
    pub cell: Cell,
    /// Medians, each figure by itself.
    pub sample: Sample,
}

/// Measures all cells in each round, so that all see the same machine. What failed (did not start,
/// answered other than 2xx, reserved another number of units than it said) is noted and left out.
pub fn run(options: &Options, cells: &[Cell], failures: &mut Vec<String>) -> Vec<Row> {
    let mut samples: Vec<Vec<Sample>> = cells.iter().map(|_| Vec::new()).collect();
    let mut full = None;
    for round in 1..=options.rounds() {
        for (cell, samples) in cells.iter().zip(&mut samples) {
            match on_its_store(options, *cell, &mut full, round) {
                Ok(sample) => {
                    say(&format!("round {round}: {}", line(*cell, sample)));
                    samples.push(sample);
                }
                Err(error) => note(failures, &format!("{}, round {round}", cell.name()), &error),
            }
        }
    }
    let measured = cells.iter().zip(samples).filter(|(_, s)| !s.is_empty());
    measured
        .map(|(cell, samples)| Row {
            cell: *cell,
            sample: medians(&samples),
        })
        .collect()
}

/// The store that takes long to fill is filled once, and used again.
fn on_its_store(
    options: &Options,
    cell: Cell,
    full: &mut Option<Store>,
    round: usize,
) -> Result<Sample, String> {
    let open_holds = cell.setting.open_holds;
    if open_holds == 0 {
        let store = Store::start(cell.load.skus, cell.setting)?;
        return one(options, cell, &store, round);
    }
    let store = match full {
        Some(store) => store,
        None => {
            say(&format!("taking {open_holds} holds"));
            full.insert(Store::start(cell.load.skus, cell.setting)?)
        }
    };
    one(options, cell, store, round)
}

fn one(options: &Options, cell: Cell, store: &Store, round: usize) -> Result<Sample, String> {
    let before = store.reserved_units()?;
    let (sample, accepted) = match cell.target {
        Target::Benchmark { pipeline } => benchmark(options, cell, store, pipeline)?,
        Target::Server | Target::Plain | Target::Hello => http(options, cell, store, round)?,
    };
    let units = store.reserved_units()? - before;
    if cell.target != Target::Hello && !accepted.contains(&units) {
        return Err(format!(
            "{units} units are reserved, not {} to {}",
            accepted.start(),
            accepted.end()
        ));
    }
    Ok(sample)
}

type Units = std::ops::RangeInclusive<u64>;

/// The sample, and how many units must be reserved now: what was answered, and perhaps what was under way
/// on a connection when wrk ended.
fn http(
    options: &Options,
    cell: Cell,
    store: &Store,
    round: usize,
) -> Result<(Sample, Units), String> {
    let running = target::start(cell.target, store, cell.setting, &options.server_arg)?;
    let processes = [running.process.pid(), store.redis.pid()].map(|pid| pid.unwrap_or(0));
    // A store that is used again must not have seen the ids.
    let user = if cell.target == Target::Plain {
        'p'
    } else {
        's'
    };
    let [warm, counted] = ["w", "r"].map(|phase| format!("{phase}{user}{round}"));
    let warm = wrk::run(running.address, cell.load, WARM_UP_SECONDS, &warm)?;
    let has_batches = cell.target == Target::Server && cell.load.bulk == 0;
    let batches = || {
        has_batches
            .then(|| batches::of(running.address))
            .transpose()
    };
    let batches_before = batches()?;
    let before = processes.map(machine::cpu_seconds);
    let counted = wrk::run(running.address, cell.load, options.seconds(), &counted)?;
    let after = processes.map(machine::cpu_seconds);
    let per_call = batches_before.zip(batches()?).map(|(before, after)| {
        (after.reservations - before.reservations) / (after.calls - before.calls)
    });
    drop(running);
    let reservations = f64::from(cell.load.reservations());
    let made = float(counted.requests) * reservations;
    let [server_us, redis_us] = [0, 1].map(|which| (after[which] - before[which]) * 1e6 / made);
    let sample = Sample {
        per_second: counted.per_second * reservations,
        p50_ms: Some(counted.p50_ms),
        p99_ms: Some(counted.p99_ms),
        server_us: Some(server_us),
        redis_us: (cell.target != Target::Hello).then_some(redis_us),
        per_call,
    };
    let units_each = u64::from(cell.load.reservations() * cell.load.lines);
    let answered = (warm.requests + counted.requests) * units_each;
    let under_way = 2 * u64::from(cell.load.connections) * units_each;
    Ok((sample, answered..=answered + under_way))
}

/// The sample, and how many units must be reserved now: redis-benchmark does not look at answers.
fn benchmark(
    options: &Options,
    cell: Cell,
    store: &Store,
    pipeline: u32,
) -> Result<(Sample, Units), String> {
    let redis = store.redis.pid().unwrap_or(0);
    let requests = options.benchmark_requests();
    let before = machine::cpu_seconds(redis);
    let per_second = redis_benchmark::run(store, pipeline, cell.load.skus, requests)?;
    let spent = machine::cpu_seconds(redis) - before;
    let sample = Sample {
        per_second,
        p50_ms: None,
        p99_ms: None,
        server_us: None,
        redis_us: Some(spent * 1e6 / f64::from(requests)),
        per_call: None,
    };
    let requests = u64::from(requests);
    let repeated = requests * REPEATED_PER_THOUSAND / 1_000;
    // Each connection sends whole pipelines.
    let over = u64::from(cell.load.connections * pipeline);
    Ok((sample, requests - repeated..=requests + over))
}

fn line(cell: Cell, sample: Sample) -> String {
    let figure = |name: &str, value: Option<f64>| {
        value.map_or_else(String::new, |value| format!(", {name} {value:.2}"))
    };
    format!(
        "{}, {} connections, {}: {:.0}/s{}{}{}{}{}",
        cell.name(),
        cell.load.connections,
        cell.load.stock(),
        sample.per_second,
        figure("p50 ms", sample.p50_ms),
        figure("p99 ms", sample.p99_ms),
        figure("server us", sample.server_us),
        figure("redis us", sample.redis_us),
        figure("per call", sample.per_call),
    )
}

fn medians(samples: &[Sample]) -> Sample {
    let of = |figure: fn(&Sample) -> Option<f64>| {
        let values: Vec<f64> = samples.iter().filter_map(figure).collect();
        (!values.is_empty()).then(|| median(values))
    };
    Sample {
        per_second: of(|s| Some(s.per_second)).unwrap_or(f64::NAN),
        p50_ms: of(|s| s.p50_ms),
        p99_ms: of(|s| s.p99_ms),
        server_us: of(|s| s.server_us),
        redis_us: of(|s| s.redis_us),
        per_call: of(|s| s.per_call),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}
