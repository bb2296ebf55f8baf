//! Where the services are, and how they are asked.

use reqwest::{Client, Method};
use serde_json::Value;

/// A shop on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    client: Client,
    offset: u16,
}

/// A service, by its port.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    User = 8081,
    Catalog = 8084,
    Order = 8085,
    Payment = 8087,
    Auth = 8089,
}

impl Shop {
    pub(crate) fn new(offset: u16) -> Result<Self, String> {
        let client = Client::builder().build();
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            offset,
        })
    }

    pub(crate) fn url(&self, service: Service, path: &str) -> String {
        let port = (service as u16).saturating_add(self.offset);
        format!("http://127.0.0.1:{port}{path}")
    }

    /// The answer, which must be one of the 2xx.
    ///
    /// # Errors
    /// Another answer, or none.
    pub(crate) async fn ask(
        &self,
        method: Method,
        service: Service,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let what = format!("{method} {path}");
        let mut request = self.client.request(method, self.url(service, path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| format!("{what}: {error}; is `cargo dev up` running?"))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .map_err(|error| format!("{what}: {error}"))?;
        if !status.is_success() {
            return Err(format!("{what}: {status} {text}"));
        }
        match text.is_empty() {
            true => Ok(Value::Null),
            false => {
                serde_json::from_str(&text).map_err(|error| format!("{what}: {error}: {text}"))
            }
        }
    }

    pub(crate) async fn get(
        &self,
        service: Service,
        path: &str,
        token: Option<&str>,
    ) -> Result<Value, String> {
        self.ask(Method::GET, service, path, token, None).await
    }

    pub(crate) async fn post(
        &self,
        service: Service,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Value, String> {
        self.ask(Method::POST, service, path, token, Some(body))
            .await
    }
}
