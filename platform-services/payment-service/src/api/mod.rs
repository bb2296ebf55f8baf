//! HTTP.

mod cancel;
mod confirm;
mod read;
mod view;
mod webhook;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use service_kit::http::Problem;

use self::webhook::Bucket;
use crate::{payments::Payments, refusal::Refusal};

/// The OpenAPI document.
pub(crate) const OPENAPI: &str = include_str!("../../openapi.json");

/// Longest order id, as tables and events have it.
const ORDER_ID_LEN_MAX: usize = 64;

/// Longest payment id: a UUID.
const PAYMENT_ID_LEN_MAX: usize = 36;

/// What the routes need.
#[derive(Debug, Clone)]
struct Api {
    payments: Payments,
    bucket: Arc<Bucket>,
}

pub(crate) fn routes(payments: Payments) -> Router {
    let bucket = Arc::new(Bucket::new(payments.limits.webhooks_per_second_max));
    Router::new()
        .route("/api/payments", get(read::by_order))
        .route("/api/payments/confirm", post(confirm::confirm))
        .route("/api/payments/webhook", post(webhook::webhook))
        .route("/api/payments/{payment_id}", get(read::by_id))
        .route("/api/payments/{payment_id}/cancel", post(cancel::cancel))
        .with_state(Api { payments, bucket })
}

/// Whether `text` is 1 to `len_max` of letters, digits and `marks`, and can stand in a path.
fn is_id(text: &str, len_max: usize, marks: &str) -> bool {
    (1..=len_max).contains(&text.len())
        && text != "."
        && text != ".."
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

/// One that no payment can have is not looked for: the column takes only such.
fn check_payment_id(payment_id: &str) -> Result<(), Refusal> {
    if is_id(payment_id, PAYMENT_ID_LEN_MAX, "-") {
        return Ok(());
    }
    Err(Refusal::NotFound)
}

fn check_order_id(order_id: &str) -> Result<(), Problem> {
    if is_id(order_id, ORDER_ID_LEN_MAX, "._:-") {
        return Ok(());
    }
    let reason = format!("must be 1 to {ORDER_ID_LEN_MAX} of A-Z a-z 0-9 . _ : -");
    Err(Problem::invalid_field("orderId", reason))
}
