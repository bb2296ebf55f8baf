//! `GET /healthz` and `GET /readyz`

use std::time::Instant;

use hyper::{Response, StatusCode};
use inventory_core::Fault;

use super::json;
use crate::{app::App, body::Body, limits::READY_CALL_TIMEOUT, wire::write::Writer};

/// Alive: touches no dependency.
pub(super) fn healthz() -> Response<Body> {
    let mut writer = Writer::object(32);
    writer.id("status", "ok");
    json(StatusCode::OK, writer.finish())
}

/// Ready: Redis answers, the shard is open, and nobody asked us to stop.
pub(super) async fn readyz(app: &App) -> Response<Body> {
    let deadline = Instant::now() + READY_CALL_TIMEOUT;
    let status = app.engine.status(app.shard, deadline);
    let status = tokio::time::timeout_at(deadline.into(), status)
        .await
        .unwrap_or_else(|_| Err(Fault::Unavailable("no answer in time".to_owned())));
    let gate = app.engine.gate(app.shard);
    // A fenced shard answers too, so that is not Redis's fault.
    let redis = match &status {
        Ok(_) | Err(Fault::Fenced(_)) => None,
        Err(fault) => Some(fault.to_string()),
    };
    let draining = app.is_draining();
    let ready = redis.is_none() && gate.is_ok() && !draining;
    let mut writer = Writer::object(256);
    writer.id("status", if ready { "ready" } else { "not ready" });
    writer.nested("dependencies", |json| {
        json.nested("redis", |json| {
            json.id("status", if redis.is_none() { "up" } else { "down" });
            if let Some(detail) = &redis {
                json.text("detail", detail);
            }
        });
        json.nested("gate", |json| match &gate {
            Ok(epoch) => {
                json.id("status", "open");
                json.number("epoch", epoch.0);
            }
            Err(why) => {
                json.id("status", "fenced");
                json.text("detail", why);
            }
        });
    });
    writer.boolean("draining", draining);
    json(
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        writer.finish(),
    )
}
