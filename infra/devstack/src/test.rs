//! `test`: what CI runs.

use std::{process::Command, time::Instant};

use crate::{cargo, doctor, failure::Failure, output, packages, requirement, workspace::Workspace};

struct Step {
    name: &'static str,
    args: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
    /// Cargo component it needs, and the rustup name of what brings it.
    component: Option<(&'static str, &'static str)>,
}

const STEPS: [Step; 4] = [
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
    Step {
        name: "tests",
        args: &["test", "--workspace"],
        env: None,
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
            &requirement::ZLIB,
            &requirement::JAVA,
            &requirement::MAVEN,
        ])
    })?;
    if let Some(filter) = filter {
        let args = ["test", "--workspace", filter];
        return run_step(&mut cargo::command(workspace, &args), "tests", &args);
    }
    let mut rows = Vec::new();
    let mut result = Ok(());
    for step in STEPS {
        let started = Instant::now();
        let word = match step
            .component
            .filter(|(component, _)| !cargo::has_component(component))
        {
            Some((component, package)) => {
                let get = doctor::get_component(package);
                let word = format!("skipped: cargo-{component} is missing, get it: {get}");
                output::progress(format!("==> {}: {word}", step.name));
                word
            }
            None => {
                let mut command = cargo::command(workspace, step.args);
                command.envs(step.env);
                result = run_step(&mut command, step.name, step.args);
                if result.is_ok() {
                    "passed".to_owned()
                } else {
                    "FAILED".to_owned()
                }
            }
        };
        rows.push(vec![
            step.name.to_owned(),
            output::seconds(started.elapsed()),
            word,
        ]);
        if result.is_err() {
            break;
        }
    }
    output::line("");
    output::table(&rows);
    result
}

fn run_step(command: &mut Command, name: &str, args: &[&str]) -> Result<(), Failure> {
    let line = format!("cargo {}", args.join(" "));
    output::step(&format!("{name}: {line}"), || {
        let next = format!("the reason is above; this step alone: {line}");
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(
                format!("the step {name} failed ({status})"),
                next,
            )),
            Err(error) => Err(Failure::new(format!("cargo does not start: {error}"), next)),
        }
    })
}
