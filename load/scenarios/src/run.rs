//! A run, from its first server to its result.

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use service_kit::{clock, ids};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    cli::RunOptions,
    k6::{self, Ended, Settings},
    machine,
    monitor::Monitor,
    place::Place,
    plan::Plan,
    progress::Progress,
    result::{RunResult, Verification},
    say,
    seed::{self, Goods},
    stores::redis::Redis,
    tally::Tally,
    verify::{Claim, Watch},
};

const POLL: Duration = Duration::from_millis(100);

/// Characters of a run's id.
const RUN_ID_LENGTH: usize = 8;

/// Runs the scenario, verifies it, and says how it went.
///
/// # Errors
/// What kept it from being run or verified; a run that failed is a result.
pub fn run(options: &RunOptions) -> Result<RunResult, String> {
    let plan = Plan::read(options)?;
    let program = devstack::k6::installed(&env::temp_dir()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let place = Place::find(options, &plan)?;
    let run_id = run_id();
    say(&format!(
        "{}, {}: run {run_id} on {}",
        options.scenario, plan.about, place.about
    ));
    let goods = seed::seed(&place, &plan, &run_id)?;
    let watch = Watch::start(&runtime, &place, &plan, &goods)?;

    let started_at = OffsetDateTime::from_unix_timestamp(clock::unix_ms().div_euclid(1_000))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default();
    let settings = Settings {
        env: script_env(options, &plan, &place, &goods, &run_id),
        script: options.scripts.join(format!("{}.js", options.scenario)),
        outputs: options.out.clone(),
        program,
    };
    let tally = Arc::new(Mutex::new(Tally::new()?));
    let monitor = Monitor::start(&place, &goods);
    let began = Instant::now();
    let (ended, log) = load(&settings, &tally)?;
    let lasted = began.elapsed();
    let observed = monitor.finish();

    let mut tally = lock(&tally);
    let claim = Claim {
        flow: tally.flow(),
        unknown: tally.unknown(),
    };
    let mut versions = versions(&place, &settings.program);
    versions.extend(
        watch
            .mariadb_version(&runtime)
            .map(|it| ("mariadb".to_owned(), it)),
    );
    let durability = place
        .redis_url
        .as_deref()
        .and_then(|url| Redis::connect(url).ok()?.durability())
        .unwrap_or("unknown");
    let verification = watch.verify(&runtime, &place, &plan, &goods, &claim, &run_id)?;
    let failures = failures(&ended, &verification, &tally, &log);
    let requests = tally.requests();
    Ok(RunResult {
        scenario: options.scenario.clone(),
        profile: profile(options),
        ok: failures.is_empty(),
        failures,
        sku_id: goods.skus.first().cloned().unwrap_or_default(),
        units: plan.units,
        started_at,
        duration_seconds: lasted.as_secs_f64(),
        machine: machine::this(),
        versions,
        durability: durability.to_owned(),
        revision: machine::revision(Path::new(".")),
        latency_ms: tally.latency(),
        requests,
        requests_per_second: per_second(requests, lasted),
        refused: tally.refused().clone(),
        counters: tally.counters(),
        thresholds: ended.thresholds,
        verification,
        series: tally.series(&observed),
    })
}

/// k6 from its start to its end, and the end of its log.
fn load(settings: &Settings, tally: &Arc<Mutex<Tally>>) -> Result<(Ended, String), String> {
    let mut running = k6::start(settings, tally)?;
    let mut progress = Progress::new();
    while !running.has_ended()? {
        progress.tell(&lock(tally));
        thread::sleep(POLL);
    }
    progress.end();
    let log = running.log();
    Ok((running.finish()?, log))
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Short, and another one each time: every id of the run begins with it.
fn run_id() -> String {
    let uuid = ids::uuid().replace('-', "");
    // Its end is random; its beginning is the time.
    format!("r{}", &uuid[uuid.len() - RUN_ID_LENGTH + 1..])
}

fn profile(options: &RunOptions) -> String {
    let name = options.profile.name();
    if options.closed {
        return format!("{name}-closed");
    }
    name.to_owned()
}

fn script_env(
    options: &RunOptions,
    plan: &Plan,
    place: &Place,
    goods: &Goods,
    run_id: &str,
) -> Vec<(&'static str, String)> {
    let mut env = vec![
        ("PROFILE", options.profile.name().to_owned()),
        ("SCENARIO", options.scenario.clone()),
        ("RUN_ID", run_id.to_owned()),
        ("TOKEN", place.token.clone()),
        (
            "SKUS",
            serde_json::to_string(&goods.skus).unwrap_or_default(),
        ),
        ("UNITS", plan.units.to_string()),
        ("LOCATION", "default".to_owned()),
        ("CLOSED", u8::from(options.closed).to_string()),
    ];
    env.extend(place.urls.iter().map(|(name, url)| (*name, url.clone())));
    env.extend(options.rate.map(|rate| ("RATE", rate.to_string())));
    env.extend(
        options
            .duration
            .map(|seconds| ("DURATION_SECONDS", seconds.to_string())),
    );
    env
}

fn versions(place: &Place, k6: &Path) -> BTreeMap<String, String> {
    let k6 = machine::words(Command::new(k6).arg("version"));
    let redis = place
        .redis_url
        .as_deref()
        .and_then(|url| Redis::connect(url).ok()?.version());
    let known = [
        (
            "k6",
            k6.map(|text| text.trim_start_matches("k6 ").to_owned()),
        ),
        ("redis", redis),
        ("kafka", place.kafka_version.map(str::to_owned)),
        (
            "rustc",
            machine::words(Command::new("rustc").arg("--version")),
        ),
        ("build", Some(build().to_owned())),
    ];
    let there = known.into_iter();
    there
        .filter_map(|(name, version)| Some((name.to_owned(), version?)))
        .collect()
}

const fn build() -> &'static str {
    if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    }
}

fn per_second(requests: u64, lasted: Duration) -> f64 {
    let requests = u32::try_from(requests).unwrap_or(u32::MAX);
    f64::from(requests) / lasted.as_secs_f64().max(0.001)
}

fn failures(ended: &Ended, verification: &Verification, tally: &Tally, log: &str) -> Vec<String> {
    let mut failures: Vec<String> = ended.failure.iter().cloned().collect();
    if !verification.ok {
        failures.push(format!(
            "clients and stores differ: {}",
            verification.differences.join("; ")
        ));
    }
    let broken = tally.counter("broken");
    if broken > 0 {
        failures.push(format!(
            "{broken} answers break the contract; the end of k6's log: {log}"
        ));
    }
    if tally.requests() == 0 && ended.failure.is_none() {
        failures.push("no request was made".to_owned());
    }
    let crossed = ended.thresholds.iter().filter(|threshold| !threshold.ok);
    failures.extend(crossed.map(|it| format!("{CROSSED}: {} {}", it.metric, it.threshold)));
    failures
}

/// How a failure begins that is no more than a threshold.
const CROSSED: &str = "threshold crossed";

impl RunResult {
    /// Whether nothing failed but thresholds.
    #[must_use]
    pub fn only_thresholds(&self) -> bool {
        self.failures
            .iter()
            .all(|failure| failure.starts_with(CROSSED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Threshold;

    fn ended(failure: Option<&str>, crossed: bool) -> Ended {
        Ended {
            failure: failure.map(str::to_owned),
            thresholds: vec![Threshold {
                metric: "unknown".to_owned(),
                threshold: "count==0".to_owned(),
                ok: !crossed,
            }],
        }
    }

    fn verification(differences: &[&str]) -> Verification {
        Verification {
            ok: differences.is_empty(),
            differences: differences.iter().map(|it| (*it).to_owned()).collect(),
            ..Verification::default()
        }
    }

    fn tally(broken: bool) -> Tally {
        let mut tally = Tally::new().unwrap();
        tally.take(k6::Sample::Request { second: 1, ms: 1.0 });
        if broken {
            let tags = k6::Tags::default();
            tally.take(k6::Sample::Count {
                second: 1,
                metric: "broken",
                value: 1,
                tags,
            });
        }
        tally
    }

    #[test]
    fn everything_that_is_wrong_fails_the_run() {
        let fine = failures(&ended(None, false), &verification(&[]), &tally(false), "");
        assert_eq!(fine, [""; 0]);
        let unit = verification(&["MariaDB has 9 units held, the clients counted 10"]);
        let all = failures(
            &ended(Some("k6 failed"), true),
            &unit,
            &tally(true),
            "reserve: 500",
        );
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(
            all[1].contains("clients counted 10") && all[2].contains("reserve: 500"),
            "{all:?}"
        );
        let none = failures(
            &ended(None, false),
            &verification(&[]),
            &Tally::new().unwrap(),
            "",
        );
        assert_eq!(none, ["no request was made"]);
    }

    #[test]
    fn ids_of_runs_are_short_and_not_the_same() {
        assert_eq!(run_id().len(), RUN_ID_LENGTH);
        assert_ne!(run_id(), run_id());
    }
}
