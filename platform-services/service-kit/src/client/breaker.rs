//! The breaker around attempts.

use std::{sync::Arc, time::Duration};

use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer, CircuitState};

use super::{
    Answer, ClientConfigError, ClientError, ClientMetrics, ClientSettings, attempt::attempt,
};

type Service =
    BoxCloneSyncService<(reqwest::Request, Duration), Answer, CircuitBreakerError<ClientError>>;

/// Attempts behind a breaker.
#[derive(Debug)]
pub(super) struct Guarded(Service);

/// What became of an attempt.
pub(super) enum Attempted {
    Answered(Answer),
    Failed(ClientError),
    /// The breaker is open: nothing was sent.
    Barred,
}

impl Guarded {
    /// The time is the attempt's own: one that is abandoned from outside tells the breaker nothing.
    pub(super) async fn attempt(&self, request: reqwest::Request, timeout: Duration) -> Attempted {
        match self.0.clone().oneshot((request, timeout)).await {
            Ok(answer) => Attempted::Answered(answer),
            Err(CircuitBreakerError::Inner(error)) => Attempted::Failed(error),
            Err(CircuitBreakerError::OpenCircuit) => Attempted::Barred,
        }
    }
}

pub(super) fn guard(
    http: reqwest::Client,
    settings: ClientSettings,
    metrics: &ClientMetrics,
) -> Result<Guarded, ClientConfigError> {
    let neighbour = settings.neighbour;
    let gauge = metrics.breaker(neighbour);
    let layer = CircuitBreakerLayer::builder()
        .name(neighbour)
        .consecutive_failures(settings.breaker_failures)
        .wait_duration_in_open(settings.breaker_open)
        .permitted_calls_in_half_open(settings.breaker_probes)
        .failure_classifier(|attempted: &Result<Answer, ClientError>| match attempted {
            // Who refuses is alive.
            Ok(_) | Err(ClientError::Refused { .. }) => false,
            Err(ClientError::Unavailable { .. } | ClientError::Unknown { .. }) => true,
        })
        .on_state_transition(move |_, to| {
            gauge.set(match to {
                CircuitState::Closed => 0,
                CircuitState::Open => 1,
                CircuitState::HalfOpen => 2,
            });
            match to {
                CircuitState::Open => tracing::warn!(neighbour, "the breaker opens"),
                CircuitState::HalfOpen => tracing::info!(neighbour, "the breaker tries"),
                CircuitState::Closed => tracing::info!(neighbour, "the breaker closes"),
            }
        })
        .build()
        .map_err(|error| ClientConfigError::Breaker(error.to_string()))?;
    let http = Arc::new(http);
    let attempts = service_fn(move |(request, timeout)| {
        attempt(http.as_ref().clone(), settings, request, timeout)
    });
    Ok(Guarded(BoxCloneSyncService::new(layer.layer_fn(attempts))))
}
