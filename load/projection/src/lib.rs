//! What the measurements of the worker, of the events and of the shop have in common.

pub mod stack;

use std::{fs, io::Write as _, path::Path, process::ExitCode};

pub use compare::say;

/// Runs a measurement, prints its table and keeps it. `name` goes before what went wrong.
pub fn measure_and_keep(
    name: &str,
    keep: &Path,
    measure: impl Future<Output = Result<String, String>>,
) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let text = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(measure));
    match text.and_then(|text| {
        // A closed standard output is no reason to lose the table.
        let _ = writeln!(std::io::stdout(), "{text}");
        fs::write(keep, text).map_err(|error| error.to_string())
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{name}: {error}"));
            ExitCode::FAILURE
        }
    }
}
