use prometheus_client::registry::Registry;
use service_kit::{
    client::ClientMetrics,
    db::ServiceName,
    janitor::{self, Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    relay::{Relay, RelayMetrics, RelaySettings, Waker},
};
use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

use super::{Config, Error, Publish};

/// What becomes of the outbox.
pub(super) enum Publisher {
    /// We carry its rows to Kafka.
    Relay(Box<Relay>),
    /// Debezium does; we take away what it has carried.
    Janitor(Box<Janitor>),
}

impl Publisher {
    pub(super) fn new(
        config: &Config,
        service: &ServiceName,
        pool: &MySqlPool,
        kafka: &Kafka,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        match config.publish {
            Publish::Relay => Ok(Self::Relay(Box::new(Relay::new(
                service,
                pool.clone(),
                kafka.clone(),
                RelaySettings::default(),
                RelayMetrics::register(registry),
            )))),
            Publish::Debezium => {
                let calls = ClientMetrics::register(registry);
                Ok(Self::Janitor(Box::new(Janitor::new(
                    service,
                    pool.clone(),
                    janitor::client(&config.connect_url, &calls)?,
                    JanitorSettings::new(service),
                    JanitorMetrics::register(registry),
                ))))
            }
        }
    }

    /// To be woken after a commit; with Debezium nobody needs it.
    pub(super) fn waker(&self) -> Waker {
        match self {
            Self::Relay(relay) => relay.waker(),
            Self::Janitor(_) => Waker::default(),
        }
    }

    pub(super) async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        match self {
            Self::Relay(relay) => relay
                .run(stop)
                .await
                .map_err(|error| Error::Background(error.to_string())),
            Self::Janitor(janitor) => {
                janitor.run(stop).await;
                Ok(())
            }
        }
    }
}
