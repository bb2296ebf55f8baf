use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use ureq::{Agent, http::Request};

use super::{contract, text, until};

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HashMap<String, String>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let named = (self.status, self.body["code"].as_str());
        assert_eq!(named, (status, Some(code)), "{}", self.text);
        self.body
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

/// Somebody who asks. Every answer is held against the OpenAPI document.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    token: Option<String>,
    agent: Agent,
}

impl Client {
    pub(crate) fn new(address: &str, token: Option<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self {
            address: address.to_owned(),
            token,
            agent: agent.into(),
        }
    }

    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body.to_owned()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap();
        let headers: HashMap<String, String> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let text = response.body_mut().read_to_string().unwrap();
        let answer = Answer {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            headers,
            text,
        };
        contract::check(method, path, &answer);
        answer
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(&body.to_string()))
    }

    #[track_caller]
    pub(crate) fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        let key = [("idempotency-key", key)];
        self.send("POST", path, &key, Some(&body.to_string()))
    }

    #[track_caller]
    pub(crate) fn post_empty(&self, path: &str) -> Answer {
        self.send("POST", path, &[], None)
    }

    /// Places an order of these, to the address 1.
    #[track_caller]
    pub(crate) fn place(&self, items: &[(&str, u32)]) -> Value {
        self.post("/api/orders", &order(items)).expect(202)
    }

    #[track_caller]
    pub(crate) fn order(&self, order_id: &str) -> Value {
        self.get(&format!("/api/orders/{order_id}")).expect(200)
    }

    /// Waits until an order of theirs has the status.
    #[track_caller]
    pub(crate) fn until_status(&self, order_id: &str, status: &str) -> Value {
        let mut last = Value::Null;
        until(&format!("{order_id} is {status}"), || {
            last = self.order(order_id);
            last["status"] == status
        });
        last
    }

    /// The statuses of the timeline.
    #[track_caller]
    pub(crate) fn timeline(&self, order_id: &str) -> Vec<String> {
        let order = self.order(order_id);
        let steps = order["timeline"].as_array().unwrap().iter();
        steps.map(|step| text(step, "status").to_owned()).collect()
    }
}

/// The body of an order of these, to the address 1.
pub(crate) fn order(items: &[(&str, u32)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(sku, quantity)| json!({"skuId": sku, "quantity": quantity}))
        .collect();
    json!({"items": items, "shippingAddressId": "1"})
}
