//! A customer who tries again when nobody answers.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{Answer, Http};

/// Between two tries, and two looks: 200 customers look.
const PAUSE: Duration = Duration::from_millis(400);
/// How long anything may take while services come and go.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends the request until it is answered by something else than "later".
#[track_caller]
pub(super) fn send(
    http: &Http,
    (method, path): (&str, &str),
    token: &str,
    body: Option<&Value>,
    key: &str,
) -> Answer {
    let body = body.map(ToString::to_string);
    let headers = [("idempotency-key", key)];
    let headers = if key.is_empty() { &[][..] } else { &headers };
    eventually(&format!("{method} {path} is answered"), || {
        let answer = http.send(method, path, token, body.as_deref(), headers);
        answer.ok().filter(|answer| answer.status < 500)
    })
}

/// Waits, with long pauses, until there is something.
#[track_caller]
pub(super) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        thread::sleep(PAUSE);
    }
}
