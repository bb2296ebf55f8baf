//! A stack that runs already.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use super::{CATALOG_URL, INVENTORY_URL, Place};
use crate::{cli::There, http::Api};

pub(super) fn place(there: &There, base_url: &str) -> Result<Place, String> {
    let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
    let urls = BTreeMap::from([
        (INVENTORY_URL, trimmed(base_url)),
        ("AUTH_URL", trimmed(&there.auth_url)),
        ("USER_URL", trimmed(&there.user_url)),
        (CATALOG_URL, trimmed(&there.catalog_url)),
        ("ORDER_URL", trimmed(&there.order_url)),
        ("PAYMENT_URL", trimmed(&there.payment_url)),
    ]);
    Ok(Place {
        about: base_url.to_owned(),
        urls,
        token: token(there)?,
        redis_url: there.redis_url.clone(),
        database_url: there.database_url.clone(),
        kafka_brokers: there.kafka_brokers.clone(),
        worker_url: there.worker_url.clone(),
        server_pid: there.server_pid,
        worker_pid: there.worker_pid,
        kafka_version: None,
        _private: None,
    })
}

/// The one that was given, or the admin's; empty without either.
fn token(there: &There) -> Result<String, String> {
    if let Some(token) = &there.token {
        return Ok(token.clone());
    }
    let Some(path) = &there.admin_login else {
        return Ok(String::new());
    };
    let wrong = |why: &str| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    let login: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let auth = Api::new(&there.auth_url, "");
    let answer = auth.post("/api/auth/login", &login)?;
    let body = answer.expect(200, "the admin does not get in")?;
    let token = body["accessToken"].as_str();
    token
        .map(str::to_owned)
        .ok_or_else(|| "the login has no accessToken".to_owned())
}
