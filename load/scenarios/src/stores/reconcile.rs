//! `reconcile check`: Redis and MariaDB, stock by stock and reservation by reservation.

use std::{process::Command, time::Duration};

use devstack::command;
use serde_json::Value;

use crate::programs;

/// How long it may look: a second for each some ten thousand reservations.
const TIMEOUT: Duration = Duration::from_secs(900);

const WAIT_SECONDS: &str = "60";

/// Differences in a list are enough.
const LISTED_MAX: usize = 10;

/// What it found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// What it compared, in words.
    Clean(String),
    /// A sentence for each difference that is about this run.
    Drift(Vec<String>),
    /// It could not tell; why.
    Untold(String),
}

/// Lets it compare both sides. Differences about other SKUs than ours are not ours to report: their ids do not
/// contain `run_id`.
pub(crate) fn check(redis_url: &str, database_url: &str, run_id: &str) -> Result<Checked, String> {
    let start = programs::named(programs::RECONCILE)?;
    let mut command = Command::new(start.program);
    command
        .args(start.words)
        .args(["check", "--json", "--wait-seconds", WAIT_SECONDS])
        .env("SYNC_REDIS_URL", redis_url)
        .env("SYNC_DATABASE_URL", database_url);
    let finished = command::finish(&mut command, TIMEOUT).map_err(|error| error.to_string())?;
    let said = || finished.stderr.trim().to_owned();
    match finished.status.code() {
        Some(0 | 1) => read(&finished.stdout, run_id),
        Some(2) => Ok(Checked::Untold(said())),
        _ => Err(format!(
            "reconcile check failed ({}): {}",
            finished.status,
            said()
        )),
    }
}

fn read(text: &str, run_id: &str) -> Result<Checked, String> {
    let report: Value = serde_json::from_str(text)
        .map_err(|error| format!("reconcile says {text:?}, which is not understood: {error}"))?;
    let drift = report["drift"]
        .as_array()
        .ok_or("reconcile names no drift")?;
    let ours: Vec<String> = drift
        .iter()
        .map(ToString::to_string)
        .filter(|line| line.contains(run_id))
        .take(LISTED_MAX)
        .map(|line| format!("reconcile: {line}"))
        .collect();
    if !ours.is_empty() {
        return Ok(Checked::Drift(ours));
    }
    let compared = &report["compared"];
    Ok(Checked::Clean(format!(
        "{} stocks and {} reservations compared one by one",
        compared["stocks"], compared["reservations"]
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_of_this_run_are_reported() {
        let text = r#"{"outcome": "drift", "compared": {"stocks": 3, "reservations": 70}, "drift": [
            {"kind": "stock", "id": "load-r1-1", "what": "figures differ"}, {"kind": "stock", "id": "mug"}]}"#;
        let Checked::Drift(ours) = read(text, "r1").unwrap() else {
            panic!("clean");
        };
        assert!(
            ours.len() == 1 && ours[0].contains("figures differ"),
            "{ours:?}"
        );
        let clean = Checked::Clean("3 stocks and 70 reservations compared one by one".to_owned());
        assert_eq!(read(text, "r2"), Ok(clean));
        assert!(read("oops", "r1").is_err());
    }
}
