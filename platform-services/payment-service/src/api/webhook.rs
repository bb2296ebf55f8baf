use std::sync::{Mutex, PoisonError};

use axum::{extract::State, http::StatusCode};
use serde_json::Value;
use service_kit::{
    clock,
    http::{Json, Problem},
};

use super::{Api, check_order_id};
use crate::{
    look,
    toss::wire::{PAYMENT_STATUS_CHANGED, Webhook},
};

/// So many in a second.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second_max: u32,
    /// The second, and how many it had.
    state: Mutex<(i64, u32)>,
}

impl Bucket {
    pub(super) fn new(per_second_max: u32) -> Self {
        Self {
            per_second_max,
            state: Mutex::default(),
        }
    }

    fn has_room(&self, now_ms: i64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now_ms / 1000;
        if state.0 != second {
            *state = (second, 0);
        }
        state.1 = state.1.saturating_add(1);
        state.1 <= self.per_second_max
    }
}

/// Anybody may send one: it is only a reason to ask the gateway. The answer does not say whether there
/// is such a payment, or what became of it.
pub(super) async fn webhook(
    State(api): State<Api>,
    Json(webhook): Json<Webhook<Value>>,
) -> Result<StatusCode, Problem> {
    let metrics = &api.payments.metrics;
    if !api.bucket.has_room(clock::unix_ms()) {
        metrics.webhook("too_many");
        return Err(Problem::overloaded("too many webhooks; send it again"));
    }
    let order_id = webhook
        .data
        .get("orderId")
        .and_then(Value::as_str)
        .filter(|order_id| check_order_id(order_id).is_ok())
        .filter(|_| webhook.event_type == PAYMENT_STATUS_CHANGED);
    let asked = match order_id {
        Some(order_id) => look::ask_soon(&api.payments, order_id).await?,
        None => false,
    };
    metrics.webhook(if asked { "asked" } else { "ignored" });
    Ok(StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_much_room() {
        let bucket = Bucket::new(2);
        let rooms = [1000, 1100, 1999, 2000].map(|now_ms| bucket.has_room(now_ms));
        assert_eq!(rooms, [true, true, false, true]);
    }
}
