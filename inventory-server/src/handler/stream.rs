//! `GET /api/inventories/{skuId}/stream`

use std::sync::Arc;

use hyper::{
    Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
};
use inventory_core::Code;
use tokio::sync::mpsc;

use super::{Answer, Call, stock};
use crate::{
    body::Body,
    problem::Problem,
    server::InFlight,
    watch::{self, Feed},
};

/// Tells nginx not to hold events back.
static ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) async fn handle(call: &Call<'_>, sku: &str, in_flight: InFlight) -> Answer {
    let app = call.app;
    let key = stock::key(call, sku)?;
    let place = app
        .watch
        .place()
        .ok_or_else(|| Problem::new(Code::Overloaded, "too many event streams are open"))?;
    // Subscribed before the read, so that no change falls between the two.
    let changes = app.watch.subscribe(key.clone());
    let (key, read) = stock::read(call, key).await?;
    let stock = read.stock.ok_or_else(|| Problem::unknown_sku(key))?;
    let (client, pieces) = mpsc::channel(1);
    tokio::spawn(watch::feed(
        Arc::clone(app),
        Feed {
            changes,
            client,
            place,
        },
        stock,
    ));
    let mut response = Response::new(Body::Stream {
        pieces,
        _in_flight: in_flight,
    });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(&ACCEL_BUFFERING, HeaderValue::from_static("no"));
    super::mark_stale(&mut response, read.stale);
    Ok(response)
}
