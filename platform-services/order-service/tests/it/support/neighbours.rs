//! The internal interfaces that order-service calls: token, SKUs, addresses, holds.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::RUNTIME;

pub(crate) const SERVICE_SECRET: &str = "the secret of order-service";
const SERVICE_TOKEN: &str = "the-token-of-order-service";

pub(crate) static NEIGHBOURS: LazyLock<Neighbours> = LazyLock::new(Neighbours::start);

#[derive(Default)]
struct Held {
    prices: HashMap<String, i64>,
    addresses: HashMap<String, bool>,
    holds: HashMap<String, Value>,
}

type Shared = Arc<Mutex<Held>>;

pub(crate) struct Neighbours {
    address: String,
    held: Shared,
}

impl Neighbours {
    fn start() -> Self {
        let held = Shared::default();
        let routes = Router::new()
            .route("/api/auth/token", post(issue))
            .route("/internal/skus/resolve", post(resolve))
            .route("/internal/users/{user}/addresses/{address}", get(address))
            .route("/api/reservations/{id}", get(hold))
            .with_state(Arc::clone(&held));
        let address = RUNTIME.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
            address
        });
        Self { address, held }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SKUs that no test sets cost 1000; `free` nothing, `dear` very much.
    pub(crate) fn set_price(&self, sku: &str, price: i64) {
        let mut held = self.held.lock().unwrap();
        held.prices.insert(sku.to_owned(), price);
    }

    /// Everybody has the address 1, unless this says otherwise.
    pub(crate) fn set_address(&self, user: &str, there: bool) {
        let mut held = self.held.lock().unwrap();
        held.addresses.insert(user.to_owned(), there);
    }

    pub(crate) fn set_hold(&self, id: &str, hold: Value) {
        let mut held = self.held.lock().unwrap();
        held.holds.insert(id.to_owned(), hold);
    }
}

fn problem(status: StatusCode, code: &str) -> Response {
    let body = json!({"status": status.as_u16(), "code": code, "detail": code});
    let kind = [(CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}

#[expect(clippy::result_large_err, reason = "this is a test")]
fn allowed(headers: &HeaderMap) -> Result<(), Response> {
    let sent = headers.get("authorization").and_then(|it| it.to_str().ok());
    if sent == Some(&format!("Bearer {SERVICE_TOKEN}")) {
        Ok(())
    } else {
        Err(problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"))
    }
}

async fn issue(Json(body): Json<Value>) -> Response {
    let asked = (&body["clientId"], &body["clientSecret"], &body["grantType"]);
    if asked
        != (
            &json!("order-service"),
            &json!(SERVICE_SECRET),
            &json!("client_credentials"),
        )
    {
        return problem(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS");
    }
    let answer = json!({"accessToken": SERVICE_TOKEN, "tokenType": "Bearer", "expiresIn": 900});
    Json(answer).into_response()
}

/// SKUs that begin with `no-` are unknown, with `off-` not for sale.
async fn resolve(
    State(held): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Response> {
    allowed(&headers)?;
    let held = held.lock().unwrap();
    let (mut skus, mut unknown) = (Vec::new(), Vec::new());
    for sku in body["skuIds"].as_array().unwrap() {
        let id = sku.as_str().unwrap();
        if id.starts_with("no-") {
            unknown.push(id);
            continue;
        }
        let price = held.prices.get(id).copied().unwrap_or(match id {
            "free" => 0,
            "dear" => 9_000_000_000,
            "1" => 39_000,
            _ => 1000,
        });
        skus.push(json!({
            "skuId": id, "productId": format!("p-{id}"), "name": "티셔츠 Shirt", "optionText": "M",
            "price": price, "currency": "KRW", "forSale": !id.starts_with("off-"),
        }));
    }
    Ok(Json(json!({"skus": skus, "unknown": unknown})))
}

async fn address(
    State(held): State<Shared>,
    headers: HeaderMap,
    Path((user, id)): Path<(String, String)>,
) -> Result<Json<Value>, Response> {
    allowed(&headers)?;
    let there = held.lock().unwrap().addresses.get(&user).copied();
    if id == "1" && there.unwrap_or(true) {
        Ok(Json(json!({
            "addressId": "1", "label": "집", "recipient": "홍길동", "phone": "010-1234-5678",
            "zipCode": "04524", "address": "서울특별시 중구 세종대로 110", "addressDetail": "1층",
            "isDefault": true,
        })))
    } else {
        Err(problem(StatusCode::NOT_FOUND, "UNKNOWN_ADDRESS"))
    }
}

async fn hold(
    State(held): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, Response> {
    allowed(&headers)?;
    let hold = held.lock().unwrap().holds.get(&id).cloned();
    hold.map(Json)
        .ok_or_else(|| problem(StatusCode::NOT_FOUND, "RESERVATION_NOT_FOUND"))
}
