use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;

use crate::{Answer, Contract};

/// Longer than any service takes by its own limits.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A server.
#[derive(Debug, Clone)]
pub struct Http {
    /// Its URL, without a slash at the end.
    pub base: String,
    agent: ureq::Agent,
}

impl Http {
    /// At a URL.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(TIMEOUT))
            // A server that was killed leaves connections behind that are no use.
            .max_idle_connections(0)
            .max_idle_connections_per_host(0);
        Self {
            base: base.to_owned(),
            agent: config.build().into(),
        }
    }

    /// What it answers, with a token or, where that is empty, without.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str, token: &str) -> Answer {
        self.send("GET", path, token, None, &[]).unwrap()
    }

    /// As [`Http::get`].
    #[track_caller]
    pub fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.post_with_key(path, token, body, None)
    }

    /// With an `Idempotency-Key`, where there is one.
    #[track_caller]
    pub fn post_with_key(
        &self,
        path: &str,
        token: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Answer {
        let key = key.map(|key| ("idempotency-key", key));
        let headers: Vec<_> = key.into_iter().collect();
        let body = body.to_string();
        let sent = self.send("POST", path, token, Some(&body), &headers);
        sent.unwrap()
    }

    /// What came of it, also when nobody answers. A body is JSON, unless a header says otherwise; a
    /// token with a space in it is a whole `Authorization`.
    ///
    /// # Errors
    /// There was no answer.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if !token.is_empty() {
            let scheme = if token.contains(' ') { "" } else { "Bearer " };
            request = request.header("authorization", format!("{scheme}{token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let typed = headers.iter().any(|(name, _)| *name == "content-type");
        if body.is_some() && !typed {
            request = request.header("content-type", "application/json");
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body.to_owned())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let text = response.body_mut().read_to_string()?;
        let status = response.status().as_u16();
        Ok(Answer::new(status, response.headers().clone(), text))
    }
}

/// A server whose every answer is held against its document.
#[derive(Debug, Clone)]
pub struct Api {
    http: Http,
    contract: &'static Contract,
}

impl Api {
    /// At a URL.
    #[must_use]
    pub fn new(base: &str, contract: &'static Contract) -> Self {
        Self {
            http: Http::new(base),
            contract,
        }
    }

    /// What it answers.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.call("GET", path, token, None)
    }

    /// What it answers.
    #[track_caller]
    pub fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.call("POST", path, token, Some(body))
    }

    /// What it answers.
    #[track_caller]
    pub fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(Value::to_string);
        self.ask(method, path, token, body.as_deref(), &[])
    }

    /// What it answers, with any headers.
    #[track_caller]
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        self.ask(method, path, None, body.as_deref(), headers)
    }

    /// All of it at once.
    #[track_caller]
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let token = token.unwrap_or_default();
        let sent = self.http.send(method, path, token, body, headers);
        let answer = sent.unwrap();
        self.contract.check(method, path, &answer);
        answer
    }
}
