//! `GET /healthz` and `GET /readyz`

use std::sync::atomic::Ordering;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::Ops;
use crate::{limits::OPS_PROBE_TIMEOUT, status::Phase};

/// Alive: touches no dependency.
pub(super) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// Ready: Redis and MariaDB answer, and the shard is projected, by this worker or by another. Kafka is
/// reported, but the projection can do without it: only a process that does not project needs it to be
/// ready (and an open shard, for commands).
pub(super) async fn readyz(State(ops): State<Ops>) -> (StatusCode, Json<Value>) {
    let redis = ops.status.redis_up.load(Ordering::Relaxed);
    let mariadb = mariadb(&ops).await;
    let phase = ops.status.phase();
    let (standby, following) = (
        matches!(phase, Phase::Standby { .. }),
        phase == Phase::Following,
    );
    let draining = ops.draining.load(Ordering::Relaxed);
    let (kafka_up, kafka) = ops.links.kafka_now();
    let engine = ops.links.engine_now();
    let useful = if ops.links.projection {
        standby || following && redis
    } else {
        kafka_up && engine.as_ref().is_none_or(|(open, _)| *open)
    };
    let ready = useful && mariadb.is_ok() && !draining;
    let up = |up: bool| if up { "up" } else { "down" };
    let redis = match (ops.links.projection, engine) {
        (false, Some((_, engine))) => engine,
        (false, None) => json!({"status": "off"}),
        // Who stands by does not ask Redis.
        (true, _) if standby => json!({"status": "unknown"}),
        (true, _) => json!({"status": up(redis)}),
    };
    let mut database = json!({"status": up(mariadb.is_ok())});
    if let Err(detail) = &mariadb {
        database["detail"] = json!(detail);
    }
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "dependencies": {
            "redis": redis,
            "mariadb": database,
            "kafka": kafka,
            "projection": projection(&ops, &phase),
        },
        "draining": draining,
    });
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body))
}

async fn mariadb(ops: &Ops) -> Result<(), String> {
    let probe = sqlx::query("SELECT 1").execute(&ops.pool);
    match tokio::time::timeout(OPS_PROBE_TIMEOUT, probe).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a lag of 285,000 years would lose a millisecond"
)]
fn projection(ops: &Ops, phase: &Phase) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    if !ops.links.projection {
        // What it waits for before it has parts to run.
        put("status", json!("off"));
        if let Phase::Waiting { why } = phase {
            put("detail", json!(why));
        }
        return Value::Object(members);
    }
    put("status", json!(phase.name()));
    let lag_ms = ops.status.lag_ms();
    put("lagSeconds", json!(lag_ms as f64 / 1000.0));
    if let Some(position) = ops.status.position() {
        put("position", json!(position.to_string()));
    }
    match phase {
        Phase::Starting | Phase::Following => {}
        Phase::Standby { owner } => {
            put("owner", json!(owner));
        }
        Phase::Resync { copied } => {
            put("copied", json!(copied));
        }
        Phase::Restoring { restored, total } => {
            put("restored", json!(restored));
            put("total", json!(total));
        }
        Phase::Waiting { why } | Phase::Fenced { why } => {
            put("detail", json!(why));
        }
    }
    if let Some(report) = ops.status.last_recovery() {
        let report = serde_json::from_str(&report).unwrap_or(Value::String(report));
        put("lastRecovery", report);
    }
    Value::Object(members)
}
