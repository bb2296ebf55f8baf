//! Talking to a worker: connectors registered, watched and moved.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value};
use ureq::{
    Agent,
    http::{Method, Request},
};

use crate::{Error, Result, wait};

/// How long one call may take; a worker that has just started answers some only when it leads its group.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A restart is taken at once and done later; until then a connector that had failed says that it has.
const RESTART_TIME: Duration = Duration::from_secs(8);

/// How much of an answer an error quotes, in characters.
const QUOTED_CHARS: usize = 2_000;

/// A worker, by its base URL. Cheap to make: nothing is connected.
#[derive(Debug, Clone)]
pub struct Rest {
    agent: Agent,
    base: String,
}

/// A connector with its one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorState {
    /// `RUNNING`, `PAUSED`, `STOPPED`, `FAILED`, `UNASSIGNED` or `RESTARTING`.
    pub connector: String,
    /// The same of the task; `None` while it has none.
    pub task: Option<String>,
    /// Why it failed, as Java tells it.
    pub trace: Option<String>,
}

impl ConnectorState {
    /// Whether it, or its task, does nothing until it is restarted.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        [Some(&self.connector), self.task.as_ref()].contains(&Some(&"FAILED".to_owned()))
    }
}

/// How far a connector has published: the task goes on from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// File of the binary log.
    pub file: String,
    /// Position in it.
    pub pos: u64,
    /// Transactions up to here, by domain.
    pub gtids: Option<String>,
    /// It is still copying the rows that were there before, and goes on at the position after that.
    pub in_snapshot: bool,
}

#[derive(Deserialize)]
struct Status {
    connector: State,
    tasks: Vec<State>,
}

#[derive(Deserialize)]
struct State {
    state: String,
    trace: Option<String>,
}

impl Rest {
    /// Of the worker at `base`, such as `http://127.0.0.1:8093`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(CALL_TIMEOUT))
            .http_status_as_error(false)
            // Loopback is not reached through a proxy, whatever the environment says.
            .proxy(None);
        Self {
            agent: Agent::new_with_config(config.build()),
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    /// Whether it takes connectors.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.call(&Method::GET, "/health", None)
            .is_ok_and(|(status, _)| status == 200)
    }

    /// Registers a connector, or changes one that is registered; it starts by itself.
    ///
    /// # Errors
    /// [`Error::Connect`] with what it does not like, or when nobody answers.
    pub fn register(&self, name: &str, config: &Map<String, Value>) -> Result<()> {
        let body = Value::Object(config.clone());
        self.done(
            &Method::PUT,
            &format!("/connectors/{name}/config"),
            Some(&body),
        )
    }

    /// Publishes nothing until [`Rest::resume`]; the task stays.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn pause(&self, name: &str) -> Result<()> {
        self.done(&Method::PUT, &format!("/connectors/{name}/pause"), None)
    }

    /// Ends the task until [`Rest::resume`]; what it has published stays remembered.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn stop(&self, name: &str) -> Result<()> {
        self.done(&Method::PUT, &format!("/connectors/{name}/stop"), None)
    }

    /// Goes on after [`Rest::pause`] or [`Rest::stop`].
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn resume(&self, name: &str) -> Result<()> {
        self.done(&Method::PUT, &format!("/connectors/{name}/resume"), None)
    }

    /// Starts the connector and its task anew, whatever state they are in.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn restart(&self, name: &str) -> Result<()> {
        let path = format!("/connectors/{name}/restart?includeTasks=true");
        self.done(&Method::POST, &path, None)
    }

    /// Removes it. Where it was is remembered for one that gets its name.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn delete(&self, name: &str) -> Result<()> {
        self.done(&Method::DELETE, &format!("/connectors/{name}"), None)
    }

    /// How it is; `None` when there is none of this name.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn state(&self, name: &str) -> Result<Option<ConnectorState>> {
        let path = format!("/connectors/{name}/status");
        let (code, text) = self.call(&Method::GET, &path, None)?;
        if code == 404 {
            return Ok(None);
        }
        let status: Status = self.parsed(&path, code, &text)?;
        let task = status.tasks.into_iter().next();
        let (task, trace) = match task {
            Some(task) => (Some(task.state), task.trace),
            None => (None, None),
        };
        Ok(Some(ConnectorState {
            connector: status.connector.state,
            trace: trace.or(status.connector.trace),
            task,
        }))
    }

    /// Waits until its task is `RUNNING`. Just registered, it is so in a second or two. One that has failed, as a
    /// worker that comes back says of a former life, is restarted once.
    ///
    /// # Errors
    /// [`Error::Connect`] when it fails again, with the reason; [`Error::TimedOut`].
    pub fn wait_until_running(&self, name: &str, timeout: Duration) -> Result<()> {
        let what = format!("the task of {name} is RUNNING");
        let mut restarted: Option<Instant> = None;
        wait::until_some(timeout, what, || {
            // It may be between two leaders, or not know of the connector yet.
            let state = self.state(name).ok().flatten()?;
            if state.task.as_deref() == Some("RUNNING") {
                return Some(Ok(()));
            }
            if state.has_failed() {
                match restarted {
                    Some(at) if at.elapsed() < RESTART_TIME => {}
                    Some(_) => {
                        let trace = state.trace.unwrap_or_default();
                        return Some(Err(Error::Connect(format!("{name}: {}", quoted(&trace)))));
                    }
                    None => {
                        let path =
                            format!("/connectors/{name}/restart?includeTasks=true&onlyFailed=true");
                        let done = self.done(&Method::POST, &path, None);
                        restarted = done.is_ok().then(Instant::now);
                    }
                }
            }
            None
        })?
    }

    /// How far it has published; `None` before it has anything, and when there is none of this name.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn offset(&self, name: &str) -> Result<Option<Offset>> {
        let path = format!("/connectors/{name}/offsets");
        let (code, text) = self.call(&Method::GET, &path, None)?;
        if code == 404 {
            return Ok(None);
        }
        let answer: Value = self.parsed(&path, code, &text)?;
        let Some(offset) = answer.pointer("/offsets/0/offset") else {
            return Ok(None);
        };
        let text_of = |name| offset.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(text_of("file").map(|file| Offset {
            file,
            pos: offset.get("pos").and_then(Value::as_u64).unwrap_or(0),
            gtids: text_of("gtids"),
            in_snapshot: offset.get("snapshot").is_some_and(|value| !value.is_null()),
        }))
    }

    /// Forgets how far it has published, so that it begins with the rows that are in the table. It must be
    /// [`Rest::stop`]ped; waits until it is.
    ///
    /// # Errors
    /// [`Error::Connect`] when there is none, [`Error::TimedOut`] while it is not stopped.
    pub fn forget_offset(&self, name: &str) -> Result<()> {
        let path = format!("/connectors/{name}/offsets");
        let what = format!("{name} is stopped");
        wait::until_some(CALL_TIMEOUT, what, || {
            match self.call(&Method::DELETE, &path, None) {
                Ok((200, _)) => Some(Ok(())),
                // Not stopped yet.
                Ok((400 | 409, _)) => None,
                Ok((code, text)) => Some(Err(refused(&path, code, &text))),
                Err(error) => Some(Err(error)),
            }
        })?
    }

    fn done(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<()> {
        let what = format!("{method} {path} is taken");
        wait::until_some(CALL_TIMEOUT, what, || match self.call(method, path, body) {
            // The worker is being given its work and asks to be asked again.
            Ok((409, _)) => None,
            Ok((200..=299, _)) => Some(Ok(())),
            Ok((code, text)) => Some(Err(refused(path, code, &text))),
            Err(error) => Some(Err(error)),
        })?
    }

    fn parsed<T: for<'de> Deserialize<'de>>(&self, path: &str, code: u16, text: &str) -> Result<T> {
        if code != 200 {
            return Err(refused(path, code, text));
        }
        serde_json::from_str(text)
            .map_err(|error| Error::Connect(format!("{path}: {error} in {}", quoted(text))))
    }

    /// Every status is an answer; the error is that none came.
    fn call(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        let fault = |error: &dyn std::fmt::Display| {
            Error::Connect(format!("{method} {}{path}: {error}", self.base))
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        let sent = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                let request = request
                    .body(body.to_string())
                    .map_err(|error| fault(&error))?;
                self.agent.run(request)
            }
            None => {
                let request = request.body(()).map_err(|error| fault(&error))?;
                self.agent.run(request)
            }
        };
        let mut response = sent.map_err(|error| fault(&error))?;
        let text = response
            .body_mut()
            .read_to_string()
            .map_err(|error| fault(&error))?;
        Ok((response.status().as_u16(), text))
    }
}

fn refused(path: &str, code: u16, text: &str) -> Error {
    Error::Connect(format!("{path}: {code} {}", quoted(text)))
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS).collect()
}
