//! What we depend on, held to `deny.toml` by cargo-deny: licences, bans and sources always, known
//! vulnerabilities where their database can be had.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use devstack::command::{self, Finished};

use crate::{cargo, environment, failure::Failure, output, workspace::Workspace};

pub(super) const NAME: &str = "dependencies";

/// The cargo-deny that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// It is built in a minute and runs for a second, so nothing is spent on making it faster.
const BUILD_SETTINGS: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
];

const BUILD_TIMEOUT: Duration = Duration::from_secs(1_200);
const CHECK_TIMEOUT: Duration = Duration::from_secs(120);

/// How long the database of vulnerabilities may take to come, a repository of some megabytes.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Says what was left out.
pub(super) fn check(workspace: &Workspace) -> Result<(String, ()), Failure> {
    output::step(&format!("{NAME}: cargo deny check"), || {
        let deny = installed(
            workspace,
            &cargo::target_folder(workspace)?.join("devstack"),
        )?;
        let run = |args: &[&str], timeout| {
            let mut command = Command::new(&deny);
            command.args(args).current_dir(workspace.root());
            finished(&mut command, timeout)
        };
        passed(&run(
            &["check", "licenses", "bans", "sources"],
            CHECK_TIMEOUT,
        )?)?;
        if !run(&["fetch", "db"], FETCH_TIMEOUT)?.status.success() {
            let word = "passed; advisories skipped: their database can't be had here";
            output::progress(format!("    {word}"));
            return Ok((word.to_owned(), ()));
        }
        let advisories = ["check", "--disable-fetch", "advisories"];
        passed(&run(&advisories, CHECK_TIMEOUT)?)?;
        Ok(("passed".to_owned(), ()))
    })
}

/// The program, built where it is missing: once for each target folder.
fn installed(workspace: &Workspace, cache: &Path) -> Result<PathBuf, Failure> {
    let folder = cache.join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    let arguments = [
        "install",
        "cargo-deny",
        "--version",
        VERSION,
        "--locked",
        "--quiet",
    ];
    let mut command = cargo::command(workspace, &arguments);
    let build = folder.join("build");
    command
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(&build)
        .envs(BUILD_SETTINGS);
    environment::for_one_build(&mut command);
    let finished = output::telling("building cargo-deny", || {
        finished(&mut command, BUILD_TIMEOUT)
    })?;
    if !finished.status.success() {
        return Err(Failure::new(
            format!("cargo-deny does not build: {}", finished.stderr.trim()),
            "look at the reason above; with one of your own: cargo deny check",
        ));
    }
    // Half a gigabyte that nobody needs again. What can't be deleted does no harm.
    let _ = std::fs::remove_dir_all(build);
    Ok(program)
}

fn passed(finished: &Finished) -> Result<(), Failure> {
    if finished.status.success() {
        return Ok(());
    }
    output::progress(&finished.stderr);
    Err(Failure::new(
        format!(
            "a dependency is not as deny.toml wants it ({})",
            finished.status
        ),
        "the reason is above: take another crate or version, or say in deny.toml why it may be",
    ))
}

fn finished(command: &mut Command, timeout: Duration) -> Result<Finished, Failure> {
    command::finish(command, timeout).map_err(|error| {
        let next = "with a cargo-deny of your own: cargo deny check";
        Failure::new(format!("cargo-deny does not end: {error}"), next)
    })
}
