//! Calling a server of the stack.

use std::{fmt::Display, time::Duration};

use serde_json::Value;
use ureq::{
    Agent, Body,
    http::{Method, Request, Response},
};

use crate::failure::Failure;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const READY_CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// One server, by its base URL.
#[derive(Debug)]
pub(crate) struct Api {
    agent: Agent,
    base: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Null` when the body is no JSON.
    pub(crate) body: Value,
    /// The server had answered this call before.
    pub(crate) replayed: bool,
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            agent: agent(CALL_TIMEOUT),
            base: base.to_owned(),
        }
    }

    /// Every status code is an answer; the error is that none came.
    pub(crate) fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let unreachable = |error: &dyn Display| {
            let message = format!("{method} {}{path}: {error}", self.base);
            Failure::new(message, "cargo dev status, cargo dev logs inventory-server")
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        // Without content there is no content type: an empty body is no JSON.
        let sent = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(
                    request
                        .body(body.to_string())
                        .map_err(|error| unreachable(&error))?,
                )
            }
            None => self
                .agent
                .run(request.body(()).map_err(|error| unreachable(&error))?),
        };
        let response = sent.map_err(|error| unreachable(&error))?;
        read(response).map_err(|error| unreachable(&error))
    }
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let replayed = response
        .headers()
        .get("idempotent-replayed")
        .is_some_and(|yes| yes == "true");
    let text = response.body_mut().read_to_string()?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer {
        status: response.status().as_u16(),
        body,
        replayed,
    })
}

/// Whether the server says that it and all it depends on are ready; if not, what it says instead.
pub(crate) fn check_ready(base: &str) -> Result<(), String> {
    let url = format!("{base}/readyz");
    let mut response = agent(READY_CALL_TIMEOUT)
        .get(&url)
        .call()
        .map_err(|error| error.to_string())?;
    if response.status().as_u16() == 200 {
        return Ok(());
    }
    let body = response.body_mut().read_to_string().unwrap_or_default();
    Err(format!(
        "/readyz answers {} {body}",
        response.status().as_u16()
    ))
}

fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // Loopback is not reached through a proxy, whatever the environment says.
        .proxy(None)
        .allow_non_standard_methods(false);
    Agent::new_with_config(config.build())
}
