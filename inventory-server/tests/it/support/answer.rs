use std::collections::HashMap;

use serde_json::Value;

/// What the server answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) text: String,
    /// `Null` where the body is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: HashMap<String, String>, text: String) -> Self {
        let is_json = !text.is_empty()
            && headers
                .get("content-type")
                .is_some_and(|kind| kind.ends_with("json"));
        let body = match is_json {
            true => serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")),
            false => Value::Null,
        };
        Self {
            status,
            headers,
            text,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body of a success with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The body of a problem with this code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let named = (self.status, self.body["code"].as_str());
        assert_eq!(named, (status, Some(code)), "{}", self.text);
        self.body
    }

    /// The faulty fields of a 400, in order.
    #[track_caller]
    pub(crate) fn faulty_fields(self) -> Vec<String> {
        let problem = self.refused(400, "INVALID_REQUEST");
        let errors = problem["errors"].as_array().expect("errors").iter();
        errors
            .map(|error| error["field"].as_str().expect("a field").to_owned())
            .collect()
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}
