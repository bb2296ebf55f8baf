//! `scenarios`: runs one scenario of `load/scenarios/k6`, or compares two runs.

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use clap::Parser as _;
use scenarios::{
    cli::{Cli, Command},
    keep, program, report, run, say,
};

/// As k6 has it for thresholds that were crossed.
const THRESHOLDS_CROSSED: u8 = 99;
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => {
            // Nobody is left to hear of a closed terminal.
            let _ = error.print();
            return match error.use_stderr() {
                true => ExitCode::from(USAGE),
                false => ExitCode::SUCCESS,
            };
        }
    };
    let done = match command {
        Command::Program { args } => return program(args),
        Command::Run(options) => run(&options).and_then(|result| {
            keep::keep(&options.keep, &result)?;
            Ok(match (result.ok, result.verification.ok) {
                (true, _) => ExitCode::SUCCESS,
                (false, true) if result.only_thresholds() => ExitCode::from(THRESHOLDS_CROSSED),
                (false, _) => ExitCode::FAILURE,
            })
        }),
        Command::Report {
            before,
            after,
            html,
        } => compare(&before, &after, html.as_deref()).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        say(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

/// Prints two runs side by side, and writes the page where one is wanted.
fn compare(before: &Path, after: &Path, html: Option<&Path>) -> Result<(), String> {
    let (before, after) = (keep::read(before)?, keep::read(after)?);
    if let Some(html) = html {
        let page = report::comparison_page(&before, &after);
        fs::write(html, page).map_err(|error| format!("writing {}: {error}", html.display()))?;
    }
    // A closed standard output is no reason to fail.
    drop(writeln!(
        std::io::stdout(),
        "{}",
        report::comparison_table(&before, &after)
    ));
    Ok(())
}
