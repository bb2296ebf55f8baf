use prometheus_client::registry::Registry;
use tls::Trust;

use super::ClientMetrics;

/// What all clients of a process share: their metrics, and whom they trust. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    metrics: ClientMetrics,
    trust: Trust,
}

impl Outbound {
    /// Adds the metrics to the registry; one for all clients of a process. Neighbours at `https://…` must have a
    /// certificate of an authority that `trust` knows.
    pub fn register(registry: &mut Registry, trust: Trust) -> Self {
        Self {
            metrics: ClientMetrics::register(registry),
            trust,
        }
    }

    pub(super) const fn metrics(&self) -> &ClientMetrics {
        &self.metrics
    }

    pub(super) const fn trust(&self) -> &Trust {
        &self.trust
    }
}
