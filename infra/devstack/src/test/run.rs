//! Running the suites, several at a time.

use std::{
    collections::VecDeque,
    num::NonZero,
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use devstack::command;

use super::suite::Suite;
use crate::{environment, output, workspace::Workspace};

/// How many run at once, at the least and at the most; between, one for each core. They wait for their servers
/// more than they work, and each has servers of its own: some 1 GiB of memory.
const AT_ONCE_MIN: usize = 2;
const AT_ONCE_MAX: usize = 4;

/// How long a suite may take before it is ended.
const SUITE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How a suite went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) selection: String,
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) took: Duration,
    pub(super) is_fine: bool,
}

/// Runs them all, whatever fails; what a failing one printed is shown when it ends. `folder` takes their
/// temporary files.
pub(super) fn all(
    workspace: &Workspace,
    suites: Vec<Suite>,
    filter: Option<&str>,
    folder: &Path,
) -> Vec<Outcome> {
    let waiting = Mutex::new(VecDeque::from(suites));
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        let next = || lock(&waiting).pop_front();
        while let Some(suite) = next() {
            let (outcome, text) = one(workspace, &suite, filter, folder);
            // Held while it is shown: no other's words come between.
            let mut outcomes = lock(&outcomes);
            show(&outcome, &text);
            outcomes.push(outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once(thread::available_parallelism().map_or(1, NonZero::get)) {
            scope.spawn(work);
        }
    });
    outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

fn at_once(cores: usize) -> usize {
    cores.clamp(AT_ONCE_MIN, AT_ONCE_MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one(
    workspace: &Workspace,
    suite: &Suite,
    filter: Option<&str>,
    folder: &Path,
) -> (Outcome, String) {
    let started = Instant::now();
    let mut command = suite.command(workspace, filter);
    let finished = command::finish(
        command.env(environment::TEMPORARY_FOLDER, folder),
        SUITE_TIMEOUT,
    );
    let (is_fine, text) = match finished {
        Ok(finished) if finished.status.success() => (true, finished.stdout),
        Ok(finished) => {
            let (out, err) = (finished.stdout, finished.stderr);
            (false, format!("{out}{err}it ended: {}", finished.status))
        }
        Err(error) => (false, error.to_string()),
    };
    let outcome = Outcome {
        selection: suite.selection.clone(),
        passed: count(&text, "passed"),
        // One that does not get as far as a count has failed too.
        failed: count(&text, "failed").max(u32::from(!is_fine)),
        took: started.elapsed(),
        is_fine,
    };
    (outcome, text)
}

fn show(outcome: &Outcome, text: &str) {
    let Outcome {
        selection,
        passed,
        took,
        is_fine,
        failed: _,
    } = outcome;
    let took = output::seconds(*took);
    if !is_fine {
        output::progress(format!("{text}\n    FAILED: {selection}, after {took}"));
    } else if *passed > 0 {
        output::progress(format!("    {passed} passed: {selection}, in {took}"));
    }
}

/// Sum of `test result: ok. 37 passed; 0 failed; …`; there are several for the examples in the documentation.
fn count(text: &str, what: &str) -> u32 {
    let results = text.lines().filter_map(|line| {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = counts.split("; ").filter_map(|count| count.split_once(' '));
        let (count, _) = counts.find(|(_, name)| *name == what)?;
        count.parse::<u32>().ok()
    });
    results.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted() {
        let text = "running 2 tests\ntest a ... ok\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.59s\n\
                    test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out; finished in 9s\n";
        assert_eq!((count(text, "passed"), count(text, "failed")), (5, 1));
        assert_eq!(count("error: could not compile", "passed"), 0);
    }

    #[test]
    fn one_for_each_core_but_neither_one_nor_many() {
        assert_eq!([1, 2, 3, 64].map(at_once), [2, 2, 3, 4]);
    }
}
