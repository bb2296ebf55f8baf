//! Calling a server of the stack.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use devstack::wait;
use serde_json::Value;
use ureq::{
    Agent, Body,
    http::{Method, Request, Response},
};

use crate::{addresses::Addresses, failure::Failure, service::Service};

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may say that it cannot, before that is its answer.
const UNAVAILABLE_MAX: Duration = Duration::from_secs(20);
const READY_CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// One server, as somebody or nobody in particular.
#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    server: &'static str,
    base: String,
    token: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Null` when the body is no JSON.
    pub(crate) body: Value,
    /// The server had answered this call before.
    pub(crate) replayed: bool,
}

impl Answer {
    /// A text of the body; empty where there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        let text = self.body.get(field).and_then(Value::as_str);
        text.unwrap_or_default()
    }
}

impl Api {
    pub(crate) fn new(addresses: &Addresses, service: &Service) -> Self {
        Self {
            agent: agent(CALL_TIMEOUT),
            server: service.name,
            base: addresses.url(service),
            token: None,
        }
    }

    /// The same, with a token for each call.
    pub(crate) fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// Every status code is an answer; the error is that none came.
    pub(crate) fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        self.send(method, path, body, None)
    }

    /// As [`Self::call`]; a repeat with the same key changes nothing.
    pub(crate) fn post_once(&self, path: &str, body: &Value, key: &str) -> Result<Answer, Failure> {
        self.send(&Method::POST, path, Some(body), Some(key))
    }

    /// What is wrong with an answer that the caller did not expect.
    pub(crate) fn unexpected(&self, method: &Method, path: &str, answer: &Answer) -> Failure {
        let Answer { status, body, .. } = answer;
        let message = format!("{method} {}{path} answers {status} {body}", self.base);
        Failure::new(message, format!("cargo dev logs {}", self.server))
    }

    /// Who says 503 has done nothing, and is asked again for a while: some of its neighbours may have been
    /// started after it.
    fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, Failure> {
        let started = Instant::now();
        wait::until_some(UNAVAILABLE_MAX * 2, path, || {
            let sent = self.send_once(method, path, body, key);
            let again = sent.as_ref().is_ok_and(|answer| answer.status == 503)
                && started.elapsed() < UNAVAILABLE_MAX;
            (!again).then_some(sent)
        })?
    }

    fn send_once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, Failure> {
        let unreachable = |error: &dyn Display| {
            let message = format!("{method} {}{path}: {error}", self.base);
            let next = format!("cargo dev status, cargo dev logs {}", self.server);
            Failure::new(message, next)
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
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
pub(crate) fn check_ready(base: &str, path: &str) -> Result<(), String> {
    let url = format!("{base}{path}");
    let mut response = agent(READY_CALL_TIMEOUT)
        .get(&url)
        .call()
        .map_err(|error| error.to_string())?;
    if response.status().as_u16() == 200 {
        return Ok(());
    }
    let body = response.body_mut().read_to_string().unwrap_or_default();
    Err(format!(
        "{path} answers {} {body}",
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
