//! `GET /metrics`

use hyper::{
    Response,
    header::{CONTENT_TYPE, HeaderValue},
};

use crate::{app::App, body::Body, metrics};

pub(super) fn handle(app: &App) -> Response<Body> {
    let operations = &app.metrics.operations;
    let depth = |depth: usize| i64::try_from(depth).unwrap_or(i64::MAX);
    operations.reserve_queue.set(depth(app.reserves.depth()));
    operations.stock_queue.set(depth(app.stocks.depth()));
    app.metrics.http.body_bytes.set(depth(app.bodies.held()));
    app.metrics
        .shard
        .fenced
        .set(i64::from(app.engine.gate(app.shard).is_err()));
    let mut response = Response::new(Body::full(app.metrics.text().into()));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(metrics::CONTENT_TYPE),
    );
    response
}
