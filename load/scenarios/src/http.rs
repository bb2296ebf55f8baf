//! Asking a service.

use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, http::Response};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A service, asked in JSON.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    agent: Agent,
    base: String,
    token: String,
}

/// Status and body of an answer; the body is null where it is no JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Api {
    /// `token` is empty where none is wanted.
    pub(crate) fn new(base: &str, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            agent: agent.into(),
            base: base.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer, String> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        answer(request.call(), &format!("GET {}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        let url = format!("{}{path}", self.base);
        let request = self.with_token(self.agent.post(&url));
        answer(request.send_json(body), &format!("POST {url}"))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Answer, String> {
        let url = format!("{}{path}", self.base);
        let request = self.with_token(self.agent.put(&url));
        answer(request.send_json(body), &format!("PUT {url}"))
    }

    /// The text of a page, such as the metrics.
    pub(crate) fn text(&self, path: &str) -> Result<String, String> {
        let url = format!("{}{path}", self.base);
        self.agent
            .get(&url)
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .map_err(|error| format!("GET {url}: {error}"))
    }

    fn with_token(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    ) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        if self.token.is_empty() {
            return request;
        }
        request.header("authorization", format!("Bearer {}", self.token))
    }
}

impl Answer {
    /// The body, if the status is this one.
    pub(crate) fn expect(self, status: u16, what: &str) -> Result<Value, String> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(format!("{what}: {} {}", self.status, self.body))
    }
}

fn answer(sent: Result<Response<ureq::Body>, ureq::Error>, what: &str) -> Result<Answer, String> {
    let mut response = sent.map_err(|error| format!("{what}: {error}"))?;
    let status = response.status().as_u16();
    let text = response
        .body_mut()
        .read_to_string()
        .map_err(|error| format!("{what}: {error}"))?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, body })
}
