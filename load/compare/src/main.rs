//! `load/compare/run`: measures, prints the tables, keeps them in `load/results/`.

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use clap::Parser as _;
use compare::{
    cell::{self, Part},
    chart, curve, machine,
    options::Options,
    ratios,
    report::{self, Results},
    rounds, say,
};

fn main() -> ExitCode {
    let options = Options::parse();
    let results = measure(&options);
    let failed = !results.failures.is_empty();
    match show(&options, &results) {
        Ok(()) if failed => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("compare: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Results {
    let mut failures = Vec::new();
    let rows = rounds::run(options, &cell::cells(options), &mut failures);
    let panels = if options.wants(Part::Curve) {
        curve::run(options, &mut failures)
    } else {
        Vec::new()
    };
    let ratios = ratios::of(&rows, &panels);
    Results {
        machine: machine::describe(),
        rows,
        panels,
        ratios,
        failures,
    }
}

fn show(options: &Options, results: &Results) -> Result<(), String> {
    let text = report::markdown(options, results);
    let _ = writeln!(std::io::stdout(), "{text}");
    let Some(folder) = options.kept_in() else {
        return Ok(());
    };
    keep(&folder.join("compare.md"), &text)?;
    if results.panels.is_empty() {
        return Ok(());
    }
    keep(&folder.join("latency.svg"), &chart::svg(&results.panels))
}

fn keep(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
