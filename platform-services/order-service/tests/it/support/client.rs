use serde_json::{Value, json};
use test_support::{Answer, Api};

use super::{CONTRACT, text, until};

/// Somebody who asks. Every answer is held against the OpenAPI document.
#[derive(Clone)]
pub(crate) struct Client {
    api: Api,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(address: &str, token: Option<String>) -> Self {
        Self {
            api: Api::new(&format!("http://{address}"), &CONTRACT),
            token,
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
        let token = self.token.as_deref();
        self.api.ask(method, path, token, body, headers)
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
