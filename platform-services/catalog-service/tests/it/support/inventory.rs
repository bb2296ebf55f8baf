//! Plays inventory-server: `POST /api/inventories/bulk`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    Broken,
    /// Answers never.
    Hanging,
}

pub(crate) struct Inventory {
    pub(crate) url: String,
    pub(crate) calls: AtomicUsize,
    mood: Mutex<Mood>,
    stock: Mutex<HashMap<String, u64>>,
}

impl Inventory {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inventory = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            calls: AtomicUsize::new(0),
            mood: Mutex::new(Mood::Fine),
            stock: Mutex::default(),
        });
        let routes = Router::new()
            .route("/api/inventories/bulk", post(bulk))
            .with_state(Arc::clone(&inventory));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        inventory
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, sku: &str, units: u64) {
        self.stock.lock().unwrap().insert(sku.to_owned(), units);
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

async fn bulk(State(inventory): State<Arc<Inventory>>, Json(body): Json<Value>) -> Response {
    inventory.calls.fetch_add(1, Ordering::SeqCst);
    let mood = *inventory.mood.lock().unwrap();
    match mood {
        Mood::Fine => {}
        Mood::Broken => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Hanging => std::future::pending::<()>().await,
    }
    let stock = inventory.stock.lock().unwrap().clone();
    let asked = body["skuIds"].as_array().unwrap();
    assert!((1..=1000).contains(&asked.len()));
    let (known, unknown): (Vec<&Value>, Vec<&Value>) = asked
        .iter()
        .partition(|sku| stock.contains_key(sku.as_str().unwrap()));
    let inventories: Vec<Value> = known
        .into_iter()
        .map(|sku| {
            json!({"skuId": sku, "locationId": "default", "reservedQuantity": 0, "soldQuantity": 0,
                "availableQuantity": stock[sku.as_str().unwrap()], "version": 1})
        })
        .collect();
    Json(json!({"inventories": inventories, "unknown": unknown})).into_response()
}
