//! Calls to the service; every answer is held against the OpenAPI document.

use serde_json::Value;
use ureq::http::{Request, Response};

use super::contract;

/// The OpenAPI document.
pub(crate) fn document() -> &'static Value {
    &contract::DOCUMENT
}

pub(crate) struct Api {
    base: String,
    agent: ureq::Agent,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> String {
        let found = self.body[field].as_str();
        found
            .unwrap_or_else(|| panic!("no {field} in {self:?}"))
            .to_owned()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The fields that a 400 names.
    pub(crate) fn faults(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        let errors = errors.map(Vec::as_slice).unwrap_or_default();
        errors
            .iter()
            .filter_map(|it| it["field"].as_str())
            .collect()
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
    }
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self {
            base: base.to_owned(),
            agent: config.build().into(),
        }
    }

    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.call("GET", path, token, None)
    }

    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.call("POST", path, token, Some(body))
    }

    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut headers = Vec::new();
        let bearer;
        if let Some(token) = token {
            bearer = format!("Bearer {token}");
            headers.push(("authorization", bearer.as_str()));
        }
        self.send(method, path, &headers, body.map(Value::to_string))
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let typed = headers.iter().any(|(name, _)| *name == "content-type");
        if body.is_some() && !typed {
            request = request.header("content-type", "application/json");
        }
        let response: Response<ureq::Body> = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()).unwrap(),
            None if matches!(method, "POST" | "PATCH" | "PUT") => self
                .agent
                .run(request.body(String::new()).unwrap())
                .unwrap(),
            None => self.agent.run(request.body(()).unwrap()).unwrap(),
        };
        let (parts, mut body) = response.into_parts();
        let text = body.read_to_string().unwrap();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        };
        contract::check(method, path, &answer);
        answer
    }
}
