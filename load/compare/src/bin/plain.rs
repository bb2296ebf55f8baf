//! The plain version, as most people would write it and write it well: axum, a bb8 pool, and one
//! EVALSHA of the very same reserve script for each request.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use bb8_redis::{RedisConnectionManager, bb8::Pool};
use inventory_core::{Context, Line, Lines, Location, ReservationId, Reserve, Sku, engine::raw};
use redis::Value;
use serde::{Deserialize, Serialize};

/// Pooled connections; more made no difference on two cores.
const POOL_SIZE: u32 = 16;
const TTL_MS: u32 = 900_000;

struct App {
    pool: Pool<RedisConnectionManager>,
    script: redis::Script,
    epoch: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    reservation_id: String,
    items: Vec<Item>,
}

#[derive(Deserialize, Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Item {
    sku_id: String,
    quantity: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    reservation_id: String,
    status: &'static str,
    items: Vec<Item>,
    created_at: u64,
    expires_at: u64,
}

fn command(request: &Request) -> Option<Reserve> {
    let line = |item: &Item| {
        let sku = Sku::parse(&item.sku_id).ok()?;
        Some(Line {
            sku,
            location: Location::default(),
            quantity: item.quantity,
        })
    };
    Some(Reserve {
        id: ReservationId::parse(&request.reservation_id).ok()?,
        lines: Lines::summed(request.items.iter().map(line).collect::<Option<_>>()?).ok()?,
        ttl_ms: TTL_MS,
        order: None,
        customer: None,
        metadata: None,
        context: Context::default(),
    })
}

async fn reserve(
    State(app): State<Arc<App>>,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Json<Answer>), StatusCode> {
    let command = command(&request).ok_or(StatusCode::BAD_REQUEST)?;
    let call = raw::reserve(&command);
    let mut connection = app
        .pool
        .get()
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let mut invocation = app.script.prepare_invoke();
    for key in &call.keys {
        invocation.key(key);
    }
    invocation.arg(app.epoch).arg("");
    for argument in &call.arguments {
        invocation.arg(argument.as_slice());
    }
    let answer: Vec<Value> = invocation
        .invoke_async(&mut *connection)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    match (answer.get(2), answer.get(4)) {
        (Some(Value::Int(now)), Some(Value::Int(0))) => {
            let created_at = u64::try_from(*now).unwrap_or_default();
            let answer = Answer {
                reservation_id: request.reservation_id,
                status: "RESERVED",
                items: request.items,
                created_at,
                expires_at: created_at + u64::from(TTL_MS),
            };
            Ok((StatusCode::CREATED, Json(answer)))
        }
        _ => Err(StatusCode::CONFLICT),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .ok_or("usage: compare-plain ADDRESS REDIS_URL")?;
    let url = arguments
        .next()
        .ok_or("usage: compare-plain ADDRESS REDIS_URL")?;
    let pool = Pool::builder()
        .max_size(POOL_SIZE)
        .test_on_check_out(false)
        .build(RedisConnectionManager::new(url)?)
        .await?;
    let mut epoch = redis::cmd("HGET");
    epoch.arg(raw::meta_key()).arg("epoch");
    let epoch = epoch.query_async(&mut *pool.get().await?).await?;
    let script = redis::Script::new(&raw::reserve_script());
    script
        .prepare_invoke()
        .load_async(&mut *pool.get().await?)
        .await?;
    let app = Router::new()
        .route("/api/reservations", post(reserve))
        .with_state(Arc::new(App {
            pool,
            script,
            epoch,
        }));
    let listener = tokio::net::TcpListener::bind(address).await?;
    compare::announce(listener.local_addr()?);
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        }),
        app,
    )
    .await?;
    Ok(())
}
