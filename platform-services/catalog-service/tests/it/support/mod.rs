//! A catalog of its own for each test, and short names.

pub(crate) mod inventory;

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use access_token::{Role, testing::Issuer};
use catalog_service::{
    config::Config,
    run::{Error, run},
};
use devstack::mariadb::{self, MariaDbServer};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::shutdown::Stop;
pub(crate) use test_support::{Answer, Contract, PATIENCE};
use tokio::{sync::oneshot, task::JoinHandle};

/// What every answer is held against.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(include_str!("../../../openapi.json")));

/// Where nobody is.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

static ISSUER: LazyLock<Issuer> = LazyLock::new(Issuer::new);

/// An empty database.
pub(crate) fn database_url() -> String {
    MARIADB.create_database().unwrap()
}

/// A token of somebody with these roles.
pub(crate) fn token(roles: &[Role]) -> String {
    ISSUER.token("somebody", roles)
}

/// A running catalog.
pub(crate) struct Catalog {
    pub(crate) base: String,
    pub(crate) database_url: String,
    pub(crate) http: reqwest::Client,
    stop: Stop,
    running: Option<JoinHandle<Result<(), Error>>>,
    _keys: tempfile::NamedTempFile,
}

impl Drop for Catalog {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.stop.now.cancel();
    }
}

impl Catalog {
    /// Without Kafka and without inventory-server: neither is needed to start.
    pub(crate) async fn start() -> Self {
        Self::start_with(&format!("http://{NOBODY}"), NOBODY).await
    }

    pub(crate) async fn start_with(inventory_url: &str, brokers: &str) -> Self {
        let catalog = Self::start_on(database_url(), inventory_url, brokers).await;
        until("ready", || async {
            catalog.get("/readyz").await.status == 200
        })
        .await;
        catalog
    }

    pub(crate) async fn start_on(database_url: String, inventory_url: &str, brokers: &str) -> Self {
        let keys = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(keys.path(), ISSUER.jwks_json()).unwrap();
        let config = Config::from_args([
            "catalog-service",
            "--listen=127.0.0.1:0",
            &format!("--database-url={database_url}"),
            &format!("--inventory-url={inventory_url}"),
            // One that is away refuses at once; only one that hangs is given up.
            "--inventory-timeout-ms=4000",
            &format!("--kafka-brokers={brokers}"),
            &format!("--jwks-file={}", keys.path().display()),
        ])
        .unwrap();
        let stop = Stop::default();
        let (tell, told) = oneshot::channel();
        let running = run(config, stop.clone(), |address| tell.send(address).unwrap());
        let running = tokio::spawn(running);
        let tls = tls::Trust::default().client_config().unwrap();
        Self {
            base: format!("http://{}", told.await.unwrap()),
            database_url,
            http: reqwest::Client::builder()
                .tls_backend_preconfigured(tls.as_ref().clone())
                .no_proxy()
                .build()
                .unwrap(),
            stop,
            running: Some(running),
            _keys: keys,
        }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.stop.drain.cancel();
        let running = self.running.take().unwrap();
        let ended = tokio::time::timeout(PATIENCE, running).await;
        ended.unwrap().unwrap().unwrap();
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let answer = Answer::new(status, headers, text);
        CONTRACT.check(method.as_str(), path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    /// As an admin.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Value) -> Answer {
        let token = token(&[Role::Admin]);
        let body = (!body.is_null()).then_some(body);
        self.send(method, path, Some(&token), body.as_ref()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.admin(Method::POST, path, body).await
    }

    /// A product on sale with one SKU; its id.
    pub(crate) async fn product(&self, name: &str, more: Value) -> String {
        let mut body = json!({"name": name, "price": 10_000, "status": "ON_SALE"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap_or_default());
        let created = self.post("/api/products", body).await.expect(201);
        text(&created["productId"])
    }

    pub(crate) async fn category(&self, name: &str, parent: Option<&str>) -> String {
        let body = json!({"name": name, "parentId": parent});
        let created = self.post("/api/categories", body).await.expect(201);
        text(&created["categoryId"])
    }

    /// The names of the products that a query finds, all pages.
    pub(crate) async fn found(&self, query: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut path = format!("/api/products?{query}");
        loop {
            let page = self.get(&path).await.expect(200);
            names.extend(
                page["products"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|p| text(&p["name"])),
            );
            match page["nextCursor"].as_str() {
                Some(cursor) => path = format!("/api/products?{query}&cursor={cursor}"),
                None => return names,
            }
        }
    }
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Waits until the condition holds.
pub(crate) async fn until<F, A>(what: &str, mut condition: F)
where
    F: FnMut() -> A,
    A: Future<Output = bool>,
{
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
