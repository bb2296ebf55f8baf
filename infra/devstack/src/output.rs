//! Everything people read: results on stdout, progress and failures on stderr.
//!
//! A closed pipe (`cargo dev status | head -1`) is no error, so nothing here uses `println!`.

use std::{
    io::{self, Write as _},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use crate::failure::Failure;

/// How long a wait may be silent.
pub(crate) const TELL_INTERVAL: Duration = Duration::from_secs(5);

/// A line of the result.
pub(crate) fn line(text: impl AsRef<str>) {
    let _ = writeln!(io::stdout(), "{}", text.as_ref());
}

/// A line about what is going on.
pub(crate) fn progress(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// Announces a step, runs it, and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    progress(format!("==> {name}"));
    let started = Instant::now();
    let result = work();
    let outcome = if result.is_ok() { "done" } else { "failed" };
    progress(format!("    {outcome} in {}", seconds(started.elapsed())));
    result
}

/// Runs it, and says every few seconds what it is that takes so long.
pub(crate) fn telling<T: Send>(what: &str, work: impl FnOnce() -> T + Send) -> T {
    let started = Instant::now();
    thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        scope.spawn(move || {
            while is_done.recv_timeout(TELL_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                progress(format!(
                    "    {what} ({} so far)",
                    seconds(started.elapsed())
                ));
            }
        });
        let result = work();
        drop(done);
        result
    })
}

pub(crate) fn failure(failure: &Failure) {
    progress(format!(
        "error: {}\n next: {}",
        failure.message, failure.next
    ));
}

/// Columns as wide as their widest cell, two spaces between.
pub(crate) fn table(rows: &[Vec<String>]) {
    for row in format_table(rows) {
        line(row);
    }
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn format_table(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let format_row = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            format!("{cell:<width$}", width = width(column).unwrap_or_default())
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(format_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["name", "pid"], ["inventory-server", "7"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            format_table(&rows),
            ["name              pid", "inventory-server  7"]
        );
    }
}
