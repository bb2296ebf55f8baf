use std::{collections::HashMap, sync::Arc, time::Duration};

use devstack::{process::ServerProcess, redis::RedisServer, wait};
use serde_json::{Value, json};
use ureq::{Agent, http::Request};

use super::{Answer, contract};

/// How long a test waits for something that must happen.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A server of one test, on a Redis that it may share.
pub(crate) struct Server {
    pub(crate) process: ServerProcess,
    pub(crate) redis: Arc<RedisServer>,
    pub(crate) address: String,
    agent: Agent,
}

impl Server {
    /// A server on a Redis of its own.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same with more flags, which win over the defaults of the tests.
    pub(crate) fn with(flags: &[&str]) -> Self {
        let redis = RedisServer::builder().start().expect("a Redis");
        Self::on(&Arc::new(redis), flags)
    }

    /// A server on this Redis.
    pub(crate) fn on(redis: &Arc<RedisServer>, flags: &[&str]) -> Self {
        let url = format!("--redis-url={}", redis.url());
        let durability = "--durability=none";
        let process = process(&[&[url.as_str(), durability], flags].concat());
        let address = address(&process);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .allow_non_standard_methods(true)
            .build();
        Self {
            process,
            redis: Arc::clone(redis),
            address,
            agent: agent.into(),
        }
    }

    /// Sends a request and holds the answer against the contract.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let answer = self
            .send_unchecked(method, path, headers, body)
            .expect("an answer");
        contract::check(method, path, &answer);
        answer
    }

    /// Sends a request; the connection may fail.
    pub(crate) fn send_unchecked(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body).expect("a request")),
            None => self.agent.run(request.body(()).expect("a request")),
        };
        let mut response = response?;
        let headers: HashMap<String, String> = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        Ok(Answer::new(status, headers, text))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            Some(body.to_string().as_bytes()),
        )
    }

    /// A `POST` without a body.
    #[track_caller]
    pub(crate) fn post_empty(&self, path: &str) -> Answer {
        self.send("POST", path, &[], Some(b""))
    }

    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(
            "PUT",
            path,
            &[("content-type", "application/json")],
            Some(body.to_string().as_bytes()),
        )
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// Sets what is on hand.
    #[track_caller]
    pub(crate) fn stock(&self, sku: &str, on_hand: u64) {
        let answer = self.put(
            &format!("/api/inventories/{sku}"),
            &json!({"onHandQuantity": on_hand}),
        );
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
    }

    /// Asks for a hold of one line.
    pub(crate) fn reserve(&self, id: &str, sku: &str, quantity: u32) -> Answer {
        let items = json!([{"skuId": sku, "quantity": quantity}]);
        self.post(
            "/api/reservations",
            &json!({"reservationId": id, "items": items}),
        )
    }

    /// Asks for one unit of the SKU `a`.
    pub(crate) fn reserve_one(&self, id: &str) -> Answer {
        self.reserve(id, "a", 1)
    }

    /// Takes a hold of one line.
    #[track_caller]
    pub(crate) fn hold(&self, id: &str, sku: &str, quantity: u32) -> Value {
        self.reserve(id, sku, quantity).expect(201)
    }

    /// Makes a reservation's deadline pass: holds it for the shortest time and waits.
    pub(crate) fn expired_hold(&self, id: &str, sku: &str, quantity: u32) {
        let items = json!([{"skuId": sku, "quantity": quantity}]);
        let body = json!({"reservationId": id, "ttlSeconds": 1, "items": items});
        self.post("/api/reservations", &body).expect(201);
        self.wait_for_status(id, "EXPIRED");
    }

    /// Waits until a reservation has this status.
    pub(crate) fn wait_for_status(&self, id: &str, status: &str) {
        let path = format!("/api/reservations/{id}");
        wait::until(TIMEOUT, format!("{id} is {status}"), || {
            self.get(&path).body["status"] == status
        })
        .expect("in time");
    }

    /// Does something to a reservation.
    #[track_caller]
    pub(crate) fn act(&self, id: &str, verb: &str, body: &Value) -> Answer {
        self.post(&format!("/api/reservations/{id}/{verb}"), body)
    }

    /// `available/reserved/sold` of a stock at the default location.
    #[track_caller]
    pub(crate) fn figures(&self, sku: &str) -> String {
        let stock = self.get(&format!("/api/inventories/{sku}")).expect(200);
        let figure = |name: &str| stock[name].to_string();
        assert_eq!(
            stock["onHandQuantity"].as_u64(),
            Some(
                stock["availableQuantity"].as_u64().unwrap_or(0)
                    + stock["reservedQuantity"].as_u64().unwrap_or(0)
            )
        );
        format!(
            "{}/{}/{}",
            figure("availableQuantity"),
            figure("reservedQuantity"),
            figure("soldQuantity")
        )
    }
}

/// Starts the program; a busy machine must not make a request late.
pub(crate) fn process(flags: &[&str]) -> ServerProcess {
    ServerProcess::builder(env!("CARGO_BIN_EXE_inventory-server"))
        .without_env("INVENTORY_")
        .env("INVENTORY_LISTEN", "127.0.0.1:0")
        .env("INVENTORY_REQUEST_TIMEOUT_MS", "20000")
        .args(flags)
        .start()
        .expect("a server")
}

/// Waits until it listens, and says where.
pub(crate) fn address(process: &ServerProcess) -> String {
    let line = process
        .wait_for_line(|line| line.contains("listening"), TIMEOUT)
        .expect("it listens");
    let address = line.split("address=").nth(1).expect("an address");
    address
        .split_whitespace()
        .next()
        .expect("an address")
        .to_owned()
}
