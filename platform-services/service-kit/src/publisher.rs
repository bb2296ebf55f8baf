//! How a service's outbox gets to Kafka: by itself, or by Debezium.

use clap::Args;
use prometheus_client::registry::Registry;
use rdkafka::error::KafkaError;
use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{ClientConfigError, Outbound},
    config::Problems,
    db::ServiceName,
    janitor::{self, Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    relay::{Relay, RelayMetrics, RelaySettings, Waker},
    topics::TopicSettings,
};

/// Who publishes an outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publish {
    /// A task of this process.
    Relay,
    /// Kafka Connect with Debezium; this process takes away what it has passed.
    Debezium {
        /// Where Kafka Connect is.
        connect_url: String,
    },
}

/// Who publishes, as every service is told.
#[derive(Debug, Clone, Args)]
pub struct PublishFlags {
    /// Who publishes the outbox: relay (this process) or debezium (Kafka Connect).
    #[arg(long, value_name = "HOW", default_value = "relay")]
    pub publish: String,
    /// Kafka Connect, asked with --publish debezium what it has published.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8093")]
    pub connect_url: String,
}

impl PublishFlags {
    /// What they say.
    pub fn publish(&self, problems: &mut Problems) -> Publish {
        let http = ["http://", "https://"];
        let connect_url = problems.url("connect-url", &self.connect_url, &http);
        let words = [("relay", false), ("debezium", true)];
        if problems.word("publish", &self.publish, &words, false) {
            Publish::Debezium { connect_url }
        } else {
            Publish::Relay
        }
    }
}

/// Sees to the outbox of a service. Run one in every replica.
#[derive(Debug)]
pub enum Publisher {
    /// Carries its rows to Kafka.
    Relay(Box<Relay>),
    /// Takes away what Debezium has carried.
    Janitor(Box<Janitor>),
}

impl Publisher {
    /// Of the outbox of `service` in the database of `pool`. A topic that is missing when it is
    /// published to is made as `topics` says.
    ///
    /// # Errors
    /// [`ClientConfigError`]: Kafka Connect's URL is none.
    pub fn new(
        publish: &Publish,
        service: &ServiceName,
        pool: &MySqlPool,
        (kafka, topics): (&Kafka, TopicSettings),
        outbound: &Outbound,
        registry: &mut Registry,
    ) -> Result<Self, ClientConfigError> {
        Ok(match publish {
            Publish::Relay => {
                let metrics = RelayMetrics::register(registry);
                let settings = RelaySettings::default();
                let relay = Relay::new(service, pool.clone(), kafka.clone(), settings, metrics);
                Self::Relay(Box::new(relay.make_topics(topics)))
            }
            Publish::Debezium { connect_url } => Self::Janitor(Box::new(Janitor::new(
                service,
                pool.clone(),
                janitor::client(connect_url, outbound)?,
                JanitorSettings::new(service),
                JanitorMetrics::register(registry),
            ))),
        })
    }

    /// To be woken after a commit that wrote to the outbox; with Debezium it wakes nobody.
    #[must_use]
    pub fn waker(&self) -> Waker {
        match self {
            Self::Relay(relay) => relay.waker(),
            Self::Janitor(_) => Waker::default(),
        }
    }

    /// Works until `stop`.
    ///
    /// # Errors
    /// A property of Kafka that librdkafka refuses. Nothing else ends it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), KafkaError> {
        match self {
            Self::Relay(relay) => relay.run(stop).await,
            Self::Janitor(janitor) => {
                janitor.run(stop).await;
                Ok(())
            }
        }
    }
}
