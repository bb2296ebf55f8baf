//! The gateway: Toss Payments over REST.
//!
//! No call is repeated here: whether to ask again, and with which idempotency key, is decided by who
//! keeps the record of what was asked.

pub mod outcome;
pub mod wire;

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use serde::Serialize;
use service_kit::{
    client::{Call, Client, ClientConfigError, ClientError, ClientSettings, Outbound, TokenSource},
    config::Secret,
};

use self::{
    outcome::{Answer, Confirmed, Found, Refunded},
    wire::{Cancel, Confirm, Failure, Payment},
};

/// The header that makes a repeat of a request harmless; Toss remembers keys for 15 days.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What a call may take beyond the gateway's time: waiting for a connection.
const PLACE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    outcome: &'static str,
}

/// Calls to the gateway by what they asked and what came of it.
#[derive(Debug, Clone, Default)]
pub struct TossMetrics {
    calls: Family<CallLabels, Counter>,
}

impl TossMetrics {
    /// Adds them to the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "gateway_calls",
            "Calls to the gateway, by operation and what came of it",
            metrics.calls.clone(),
        );
        metrics
    }

    fn called(&self, operation: &'static str, outcome: &'static str) {
        let labels = CallLabels { operation, outcome };
        self.calls.get_or_create(&labels).inc();
    }
}

/// The gateway's client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Toss {
    client: Client,
    metrics: TossMetrics,
}

impl Toss {
    /// Of the gateway at `url`, with the shop's secret key. An answer is awaited for `timeout`; after so
    /// many `failures` in a row it is left alone for a while.
    ///
    /// # Errors
    /// [`ClientConfigError`].
    pub fn new(
        url: &str,
        secret_key: &Secret,
        timeout: Duration,
        failures: usize,
        outbound: &Outbound,
        metrics: TossMetrics,
    ) -> Result<Self, ClientConfigError> {
        let settings = ClientSettings {
            connect_timeout: timeout.min(Duration::from_secs(2)),
            attempt_timeout: timeout,
            timeout: timeout + PLACE_TIMEOUT,
            breaker_failures: failures,
            ..ClientSettings::new("toss")
        };
        let basic = TokenSource::basic(secret_key.reveal(), None);
        let client = Client::new(url, settings, basic, outbound)?;
        Ok(Self { client, metrics })
    }

    /// Takes the money.
    pub async fn confirm(&self, asked: &Confirm, idempotency_key: &str) -> Confirmed {
        let answer = self.post("/v1/payments/confirm", asked, idempotency_key);
        let confirmed = outcome::confirmed(answer.await, &asked.order_id, asked.amount);
        self.metrics.called(
            "confirm",
            match &confirmed {
                Confirmed::Approved(_) => "approved",
                Confirmed::Declined(_) => "declined",
                Confirmed::NotSent(_) => "not_sent",
                Confirmed::Unknown(_) => "unknown",
            },
        );
        confirmed
    }

    /// Pays back. `asked.cancel_reason` ends with `marker`, by which the cancel is known again.
    pub async fn cancel(
        &self,
        payment_key: &str,
        asked: &Cancel,
        marker: &str,
        idempotency_key: &str,
    ) -> Refunded {
        let path = format!("/v1/payments/{payment_key}/cancel");
        let answer = self.post(&path, asked, idempotency_key).await;
        let refunded = outcome::refunded(answer, marker);
        self.metrics.called(
            "cancel",
            match &refunded {
                Refunded::Done(_) => "done",
                Refunded::Refused(_) => "refused",
                Refunded::Over(_) | Refunded::Unknown(_) => "unknown",
                Refunded::NotSent(_) => "not_sent",
            },
        );
        refunded
    }

    /// What is known of the payment of `amount` for `order_id`: by its key if we have one, else, or
    /// where that is of no use, by the order. Money counts whatever its key; the end of a payment with
    /// another key, as of one that the customer had abandoned, says nothing of ours.
    pub async fn find(&self, payment_key: Option<&str>, order_id: &str, amount: i64) -> Found {
        if let Some(key) = payment_key {
            let answer = self.get("query_key", &format!("/v1/payments/{key}")).await;
            match outcome::found(answer, order_id, amount) {
                Found::Nothing => {}
                known @ (Found::Approved(_) | Found::Declined(_) | Found::Unknown(_)) => {
                    return known;
                }
            }
        }
        let path = format!("/v1/payments/orders/{order_id}");
        let answer = self.get("query_order", &path).await;
        outcome::found_by_order(answer, payment_key, order_id, amount)
    }

    /// The payment with this key as the gateway has it, to look for a cancel in.
    ///
    /// # Errors
    /// Why it is not known.
    pub async fn payment(&self, payment_key: &str) -> Result<Payment, String> {
        let path = format!("/v1/payments/{payment_key}");
        match self.get("query_key", &path).await {
            Answer::Success(payment) => Ok(payment),
            Answer::Refused { failure, .. } => Err(failure.code),
            Answer::Failed(why) | Answer::NotSent(why) | Answer::Lost(why) => Err(why),
        }
    }

    async fn get(&self, operation: &'static str, path: &str) -> Answer<Payment> {
        let answer = fetch(self.client.get(path)).await;
        self.metrics.called(
            operation,
            match &answer {
                Answer::Success(_) => "found",
                Answer::Refused { status: 404, .. } => "not_found",
                Answer::Refused { .. } => "refused",
                Answer::Failed(_) | Answer::NotSent(_) | Answer::Lost(_) => "unknown",
            },
        );
        answer
    }

    async fn post(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
        idempotency_key: &str,
    ) -> Answer<Payment> {
        let call = self.client.post(path).json(body);
        fetch(call.header(IDEMPOTENCY_KEY, idempotency_key)).await
    }
}

async fn fetch(call: Call) -> Answer<Payment> {
    match call.fetch().await {
        Ok(payment) => Answer::Success(payment),
        Err(error) => sorted(error),
    }
}

/// What the client says, more carefully: a 503 of a gateway promises nothing, and a refusal counts
/// only in the gateway's own words.
fn sorted(error: ClientError) -> Answer<Payment> {
    let text = error.to_string();
    match error {
        ClientError::Refused { remote, .. }
            if (400..500).contains(&remote.status) && !remote.code.is_empty() =>
        {
            Answer::Refused {
                status: remote.status,
                failure: Failure {
                    code: remote.code,
                    message: remote.detail,
                },
            }
        }
        ClientError::Unavailable { remote: None, .. } => Answer::NotSent(text),
        ClientError::Unavailable {
            remote: Some(remote),
            ..
        }
        | ClientError::Unknown {
            remote: Some(remote),
            ..
        } if !remote.code.is_empty() => Answer::Failed(text),
        ClientError::Refused { .. }
        | ClientError::Unavailable { .. }
        | ClientError::Unknown { .. } => Answer::Lost(text),
    }
}

#[cfg(test)]
mod tests {
    use service_kit::client::Remote;

    use super::*;

    fn remote(status: u16, code: &str) -> Box<Remote> {
        Box::new(Remote {
            status,
            code: code.to_owned(),
            ..Remote::default()
        })
    }

    #[test]
    fn only_the_gateways_own_words_count() {
        let neighbour = "toss";
        let refused = |status, code| {
            sorted(ClientError::Refused {
                neighbour,
                remote: remote(status, code),
            })
        };
        assert!(matches!(
            refused(403, "REJECT_CARD_PAYMENT"),
            Answer::Refused { status: 403, .. }
        ));
        // A proxy, a redirect.
        assert!(matches!(refused(403, ""), Answer::Lost(_)));
        assert!(matches!(refused(302, ""), Answer::Lost(_)));
        let unavailable = |remote| {
            sorted(ClientError::Unavailable {
                neighbour,
                reason: String::new(),
                remote,
                retry_after: None,
            })
        };
        assert!(matches!(unavailable(None), Answer::NotSent(_)));
        assert!(matches!(
            unavailable(Some(remote(503, ""))),
            Answer::Lost(_)
        ));
        assert!(matches!(
            unavailable(Some(remote(503, "X"))),
            Answer::Failed(_)
        ));
    }
}
