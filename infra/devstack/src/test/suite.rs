//! The test programs of the workspace: what cargo would run one after the other.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::{
    cargo::{self, Executable},
    environment,
    failure::Failure,
    workspace::Workspace,
};

/// A test program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suite {
    /// What cargo takes to run it alone, such as `-p service-kit --test it`.
    pub(super) selection: String,
    run: Run,
}

#[derive(Debug, PartialEq, Eq)]
enum Run {
    /// A program of cargo's, in the folder of its package.
    Program {
        path: PathBuf,
        package: String,
        folder: PathBuf,
    },
    /// The examples in the documentation, which only cargo can run.
    Documentation,
}

/// Those that take longest, and so have to begin first.
const FIRST: [&str; 5] = [
    "-p service-kit --test it",
    "-p sync-worker --test it",
    "-p devstack --test it",
    "-p saga-tests --test it",
    "-p inventory-core --test model",
];

/// Those whose tests wait for sessions, leases and outages to end, and some for each other, more than they work.
const WAITING: [&str; 1] = ["-p service-kit --test it"];

/// Tests of such a suite that run at once, for each core.
const WAITING_TESTS_PER_CORE: usize = 2;

const BUILD: [&str; 4] = ["test", "--workspace", "--no-run", cargo::MESSAGES];

/// Builds them all.
pub(super) fn build(workspace: &Workspace) -> Result<Vec<Suite>, Failure> {
    let mut command = cargo::command(workspace, &BUILD);
    environment::for_one_build(&mut command);
    let built = cargo::build(&mut command).map_err(|why| {
        let next = "the compiler's words are above; alone: cargo test --workspace --no-run";
        Failure::new(format!("the tests do not build ({why})"), next)
    })?;
    Ok(suites(built))
}

fn suites(built: Vec<Executable>) -> Vec<Suite> {
    let tests = built.into_iter().filter(|built| built.is_test);
    let mut suites: Vec<Suite> = tests.map(suite).collect();
    suites.push(Suite {
        selection: "--workspace --doc".to_owned(),
        run: Run::Documentation,
    });
    let place = |suite: &Suite| {
        let mut first = FIRST.iter();
        first
            .position(|selection| *selection == suite.selection)
            .unwrap_or(FIRST.len())
    };
    suites.sort_by_key(place);
    suites
}

fn suite(built: Executable) -> Suite {
    let Executable {
        package,
        kind,
        name,
        ..
    } = built;
    let selection = match kind.as_str() {
        "bin" | "test" | "example" | "bench" => format!("-p {package} --{kind} {name}"),
        _ => format!("-p {package} --lib"),
    };
    let folder = built.manifest.parent().map(Path::to_owned);
    Suite {
        selection,
        run: Run::Program {
            path: built.path,
            package,
            folder: folder.unwrap_or_default(),
        },
    }
}

impl Suite {
    /// What runs it, or of it the tests whose name contains `filter`.
    pub(super) fn command(&self, workspace: &Workspace, filter: Option<&str>) -> Command {
        let mut command = match &self.run {
            Run::Documentation => {
                let mut command =
                    cargo::command(workspace, &["test", "--quiet", "--workspace", "--doc"]);
                environment::for_one_build(&mut command);
                command
            }
            Run::Program {
                path,
                package,
                folder,
            } => {
                let mut command = Command::new(path);
                environment::without_cargo_run(&mut command);
                // As cargo does.
                command
                    .current_dir(folder)
                    .env("CARGO", environment::cargo_program())
                    .env("CARGO_MANIFEST_DIR", folder)
                    .env("CARGO_PKG_NAME", package);
                command
            }
        };
        if WAITING.contains(&&*self.selection) {
            let cores = thread::available_parallelism().map_or(1, NonZero::get);
            environment::set_test_threads(&mut command, cores * WAITING_TESTS_PER_CORE);
        }
        command.args(filter);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(package: &str, kind: &str, name: &str, is_test: bool) -> Executable {
        Executable {
            package: package.to_owned(),
            manifest: format!("/w/{package}/Cargo.toml").into(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            is_test,
            path: format!("/t/{name}").into(),
        }
    }

    #[test]
    fn each_can_be_run_alone_and_the_long_ones_begin() {
        let suites = suites(vec![
            built("user-service", "lib", "user_service", true),
            built("user-service", "bin", "user-service", false),
            built("user-service", "bin", "user-service", true),
            built("devstack", "test", "it", true),
            built("service-kit", "test", "it", true),
        ]);
        let selections: Vec<&str> = suites.iter().map(|suite| &*suite.selection).collect();
        let expected = [
            "-p service-kit --test it",
            "-p devstack --test it",
            "-p user-service --lib",
            "-p user-service --bin user-service",
            "--workspace --doc",
        ];
        assert_eq!(selections, expected);
        let workspace = Workspace::find().unwrap();
        let command = suites[0].command(&workspace, Some("relay"));
        assert_eq!(command.get_current_dir(), Some(Path::new("/w/service-kit")));
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["relay"]);
        let examples = suites[4].command(&workspace, None);
        assert!(examples.get_args().any(|word| word == "--doc"));
    }
}
