//! `test`: what CI runs.

mod dependencies;
mod run;
mod space;
mod suite;

use std::{env, path::Path, process::Command, time::Instant};

use devstack::own_dir::OwnDir;
use run::Outcome;

use crate::{
    cargo, doctor, environment, failure::Failure, left_behind, load, output, packages, requirement,
    workspace::Workspace,
};

/// A step of cargo's, before the tests.
struct Step {
    name: &'static str,
    args: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
    /// Cargo component it needs, and the rustup name of what brings it.
    component: Option<(&'static str, &'static str)>,
}

const STEPS: [Step; 3] = [
    Step {
        name: "format",
        args: &["fmt", "--check"],
        env: None,
        component: Some(("fmt", "rustfmt")),
    },
    Step {
        name: "lints",
        args: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        env: None,
        component: Some(("clippy", "clippy")),
    },
    Step {
        name: "docs",
        args: &["doc", "--workspace", "--no-deps"],
        env: Some(("RUSTDOCFLAGS", "-Dwarnings")),
        component: None,
    },
];

/// All steps, or with a filter only the tests whose name contains it.
pub(crate) fn run(workspace: &Workspace, filter: Option<&str>) -> Result<(), Failure> {
    output::step("packages", || {
        packages::require(&[
            &requirement::REDIS_SERVER,
            &requirement::MARIADB_SERVER,
            &requirement::STRACE,
            &requirement::CPP_COMPILER,
            &requirement::MAKE,
            &requirement::ZLIB,
            &requirement::OPENSSL,
            &requirement::PKG_CONFIG,
            &requirement::JAVA,
            &requirement::MAVEN,
            &requirement::GO,
            &requirement::PROMETHEUS,
        ])
    })?;
    load::install_k6()?;
    output::step("disk", || {
        space::require(
            workspace,
            &cargo::target_folder(workspace)?,
            &env::temp_dir(),
        )
    })?;
    let mut rows = Vec::new();
    let result = all(workspace, filter, &mut rows);
    output::line("");
    output::table(&rows);
    result
}

/// Ends with the first step that fails; of the tests all run.
fn all(
    workspace: &Workspace,
    filter: Option<&str>,
    rows: &mut Vec<Vec<String>>,
) -> Result<(), Failure> {
    let steps: &[Step] = if filter.is_none() { &STEPS } else { &[] };
    for step in steps {
        timed(step.name, rows, || of_cargo(workspace, step))?;
    }
    if filter.is_none() {
        timed(dependencies::NAME, rows, || dependencies::check(workspace))?;
    }
    let suites = timed("build", rows, || {
        let name = "build: cargo test --workspace --no-run";
        let suites = output::step(name, || suite::build(workspace))?;
        Ok(("done".to_owned(), suites))
    })?;
    let outcomes = timed("tests", rows, || {
        let outcomes = output::step("tests", || {
            in_own_folder(|folder| run::all(workspace, suites, filter, folder))
        })?;
        let failed = outcomes.iter().any(|outcome| !outcome.is_fine);
        let word = if failed { "FAILED" } else { "passed" };
        Ok((word.to_owned(), outcomes))
    })?;
    rows.extend(table(&outcomes));
    let (passed, failed) = outcomes.iter().fold((0, 0), |(passed, failed), outcome| {
        (passed + outcome.passed, failed + outcome.failed)
    });
    rows.push(Vec::new());
    rows.push(vec![format!("{passed} passed, {failed} failed")]);
    failures(&outcomes).map_or(Ok(()), Err)
}

/// Adds a row to the table: its name, how long it took, a word about it.
fn timed<T>(
    name: &str,
    rows: &mut Vec<Vec<String>>,
    work: impl FnOnce() -> Result<(String, T), Failure>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let result = work();
    let took = output::seconds(started.elapsed());
    let (word, result) = match result {
        Ok((word, value)) => (word, Ok(value)),
        Err(failure) => ("FAILED".to_owned(), Err(failure)),
    };
    rows.push(vec![name.to_owned(), took, word]);
    result
}

fn of_cargo(workspace: &Workspace, step: &Step) -> Result<(String, ()), Failure> {
    let component = step.component;
    if let Some((component, package)) =
        component.filter(|(component, _)| !cargo::has_component(component))
    {
        let get = doctor::get_component(package);
        let word = format!("skipped: cargo-{component} is missing, get it: {get}");
        output::progress(format!("==> {}: {word}", step.name));
        return Ok((word, ()));
    }
    let mut command = cargo::command(workspace, step.args);
    command.envs(step.env);
    environment::for_one_build(&mut command);
    let line = format!("cargo {}", step.args.join(" "));
    let name = step.name;
    output::step(&format!("{name}: {line}"), || {
        succeed(&mut command, name, &line)
    })?;
    Ok(("passed".to_owned(), ()))
}

fn succeed(command: &mut Command, name: &str, line: &str) -> Result<(), Failure> {
    let next = format!("the reason is above; this step alone: {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(
            format!("the step {name} failed ({status})"),
            next,
        )),
        Err(error) => Err(Failure::new(format!("cargo does not start: {error}"), next)),
    }
}

/// Gives the tests a folder for their temporary files, and leaves nothing of it: neither files nor servers that
/// still work there. What runs before left, when they were killed, goes too.
fn in_own_folder<T>(work: impl FnOnce(&Path) -> T) -> Result<T, Failure> {
    let folder = OwnDir::make("test")?;
    let result = work(folder.path());
    left_behind::stop_all(folder.path())?;
    Ok(result)
}

/// The longest first; those without tests are left out.
fn table(outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let mut shown: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.passed > 0 || !outcome.is_fine)
        .collect();
    shown.sort_by_key(|outcome| std::cmp::Reverse(outcome.took));
    let row = |outcome: &&Outcome| {
        let word = if outcome.is_fine { "passed" } else { "FAILED" };
        vec![
            format!("  {}", outcome.selection),
            output::seconds(outcome.took),
            format!("{} {word}", outcome.passed),
        ]
    };
    shown.iter().map(row).collect()
}

fn failures(outcomes: &[Outcome]) -> Option<Failure> {
    let failed = outcomes.iter().filter(|outcome| !outcome.is_fine);
    let failed: Vec<&str> = failed.map(|outcome| &*outcome.selection).collect();
    if failed.is_empty() {
        return None;
    }
    let alone = failed
        .iter()
        .map(|selection| format!("cargo test {selection}"));
    Some(Failure::new(
        format!(
            "tests failed in {} of {} suites",
            failed.len(),
            outcomes.len()
        ),
        format!(
            "the reasons are above; alone: {}",
            alone.collect::<Vec<_>>().join("; ")
        ),
    ))
}
