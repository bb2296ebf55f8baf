//! Latency under a given load, from a tenth of saturation to all of it.

use std::time::Duration;

use crate::{
    cell::{STOCKS, Setting, Target, stock_name},
    note,
    open_loop::{self, Pace, Plan},
    options::Options,
    say,
    store::Store,
    target::{self, Running},
};

const WARM_UP: Duration = Duration::from_secs(1);
/// Steps up to saturation.
pub const STEPS: u32 = 10;

/// Latencies at one load, ms, from the moment that a request was due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Load in tenths of saturation.
    pub step: u32,
    /// Requests due per second.
    pub per_second: f64,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// 999 of 1,000 took no longer.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// The points of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What served.
    pub target: Target,
    /// Requests per second when each connection asks again at once.
    pub saturation: f64,
    /// By load.
    pub points: Vec<Point>,
}

/// All targets on one stock load.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Distinct SKUs.
    pub skus: u32,
    /// The targets.
    pub series: Vec<Series>,
}

impl Series {
    /// The 99th percentile at so many tenths of saturation.
    #[must_use]
    pub fn p99_ms_at(&self, step: u32) -> Option<f64> {
        let point = self.points.iter().find(|point| point.step == step);
        point.map(|point| point.p99_ms)
    }
}

/// Measures the server and the plain version on both stock loads; and hello-world at the rates of the
/// server, which shows what the machine, the kernel and the generator have in it. What failed is noted and
/// left out.
pub fn run(options: &Options, failures: &mut Vec<String>) -> Vec<Panel> {
    STOCKS.map(|skus| panel(options, skus, failures)).into()
}

fn panel(options: &Options, skus: u32, failures: &mut Vec<String>) -> Panel {
    let mut panel = Panel {
        skus,
        series: Vec::new(),
    };
    let mut rates_of_server = None;
    for target in [Target::Server, Target::Plain, Target::Hello] {
        let rates_of = rates_of_server.filter(|_| target == Target::Hello);
        match series(options, target, skus, rates_of) {
            Ok(series) => {
                if target == Target::Server {
                    rates_of_server = Some(series.saturation);
                }
                panel.series.push(series);
            }
            Err(error) => note(failures, &format!("{} under load", target.name()), &error),
        }
    }
    panel
}

/// `rates_of` is the saturation to take steps of, where it is another's.
fn series(
    options: &Options,
    target: Target,
    skus: u32,
    rates_of: Option<f64>,
) -> Result<Series, String> {
    let store = Store::start(skus, Setting::default())?;
    let running = target::start(target, &store, Setting::default(), &options.server_arg)?;
    let mut asking = Asking {
        running: &running,
        skus,
        requests: 0,
    };
    asking.ask("w", Pace::FlatOut, WARM_UP)?;
    let saturation = asking.ask("f", Pace::FlatOut, options.step())?.per_second();
    say(&format!(
        "{}, {}: saturated at {saturation:.0}/s",
        target.name(),
        stock_name(skus)
    ));
    let mut points = Vec::new();
    for step in 1..=STEPS {
        let per_second = rates_of.unwrap_or(saturation) * f64::from(step) / f64::from(STEPS);
        let pace = Pace::PerSecond(per_second);
        let answered = asking.ask(&format!("c{step:02}"), pace, options.step())?;
        let point = Point {
            step,
            per_second,
            p50_ms: answered.permille_ms(500),
            p99_ms: answered.permille_ms(990),
            p999_ms: answered.permille_ms(999),
            max_ms: answered.permille_ms(1_000),
        };
        say(&format!(
            "{}, {}: {per_second:.0}/s due, p50 {:.2} ms, p99 {:.2} ms",
            target.name(),
            stock_name(skus),
            point.p50_ms,
            point.p99_ms
        ));
        points.push(point);
    }
    let units = store.reserved_units()?;
    if target != Target::Hello && units != asking.requests {
        let requests = asking.requests;
        return Err(format!(
            "{units} units are reserved, {requests} were accepted"
        ));
    }
    Ok(Series {
        target,
        saturation,
        points,
    })
}

struct Asking<'a> {
    running: &'a Running,
    skus: u32,
    requests: u64,
}

impl Asking<'_> {
    fn ask(
        &mut self,
        prefix: &str,
        pace: Pace,
        lasting: Duration,
    ) -> Result<open_loop::Answered, String> {
        let answered = open_loop::run(Plan {
            address: self.running.address,
            pace,
            lasting,
            skus: self.skus,
            prefix,
        })?;
        self.requests += u64::try_from(answered.requests()).unwrap_or(u64::MAX);
        Ok(answered)
    }
}
