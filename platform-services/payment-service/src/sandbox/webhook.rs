//! Tells the shop that a payment changed.

use std::time::Duration;

use contracts::Timestamp;
use service_kit::{
    backoff::Backoff,
    client::{Client, ClientConfigError, ClientSettings, Outbound, TokenSource},
    clock,
};

use super::script;
use crate::toss::wire::{PAYMENT_STATUS_CHANGED, Payment, Webhook};

/// How often a webhook is sent that nobody takes, as Toss does.
const TRIES: u32 = 7;
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    client: Option<Client>,
    delay: Duration,
}

impl Webhooks {
    pub(crate) fn new(
        url: Option<&str>,
        delay: Duration,
        outbound: &Outbound,
    ) -> Result<Self, ClientConfigError> {
        let settings = ClientSettings::new("shop");
        let client = url
            .map(|url| Client::new(url, settings, TokenSource::none(), outbound))
            .transpose()?;
        Ok(Self { client, delay })
    }

    pub(crate) const fn delay(&self) -> Duration {
        self.delay
    }

    /// Sends it, once or as often as the key says, until somebody takes it.
    pub(crate) async fn send(&self, payment: &Payment) {
        let Some(client) = &self.client else { return };
        let body = Webhook {
            event_type: PAYMENT_STATUS_CHANGED.to_owned(),
            created_at: Timestamp::from_unix_ms(clock::unix_ms())
                .ok()
                .map(|at| at.to_string()),
            data: payment,
        };
        for _ in 0..script::webhooks(&payment.payment_key) {
            let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
            for _ in 0..TRIES {
                match client.post("").json(&body).send().await {
                    Ok(_) => break,
                    Err(error) => tracing::warn!(%error, "nobody takes the webhook"),
                }
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}
