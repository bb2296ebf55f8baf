//! How to reach Kafka: what every client of a process has in common.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext, Statistics,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::FutureProducer,
};

/// Bytes of an answer of a broker, and of a batch packed with zstd once it is unpacked, that a consumer
/// takes. What is more, or damaged, is set aside (`consumer/unreadable.rs`). librdkafka unpacks the others
/// without a limit; of the 1 MiB that a broker takes by default LZ4 makes at most 255 times as much, gzip
/// 1030 times.
pub(crate) const FETCHED_BYTES_MAX: &str = "268435456";

/// Where Kafka is and who we are to it.
#[derive(Debug, Clone)]
pub struct Kafka {
    brokers: String,
    client_id: String,
    settings: Vec<(String, String)>,
}

impl Kafka {
    /// `brokers` is `host:port[,host:port…]`.
    #[must_use]
    pub fn new(brokers: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: client_id.into(),
            settings: Vec::new(),
        }
    }

    /// A further property of librdkafka for every client, such as of SASL. Wins over ours.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// The common properties, then `own`, then those of [`Kafka::set`].
    pub(crate) fn config(&self, own: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("socket.keepalive.enable", "true")
            // A broker that is back is found within a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000");
        for (name, value) in own {
            config.set(*name, *value);
        }
        for (name, value) in &self.settings {
            config.set(name, value);
        }
        config
    }

    /// A producer that never writes a message twice or out of order by itself, waits for all
    /// replicas, and puts a key where a Java client would. A message is given up after
    /// `message_timeout`.
    ///
    /// # Errors
    /// A property that librdkafka refuses.
    pub fn producer(&self, message_timeout: Duration) -> Result<Producer, KafkaError> {
        let timeout = message_timeout.as_millis().to_string();
        self.config(&[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("message.timeout.ms", &timeout),
            // Few wait for company; more is sent together while a request is under way.
            ("linger.ms", "1"),
            // The topic decides, not the client.
            ("message.max.bytes", "100000000"),
            ("compression.type", "lz4"),
        ])
        .create_with_context(Context)
    }
}

/// A producer of [`Kafka::producer`].
pub type Producer = FutureProducer<Context>;

/// Logs what librdkafka says as what it is: it repairs itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context;

impl ClientContext for Context {
    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ConsumerContext for Context {}

pub(crate) fn log_error(error: &KafkaError, reason: &str) {
    tracing::warn!(%error, reason, "kafka");
}

/// Whether the message is too large: for us, for the topic or for the broker.
pub(crate) fn is_too_large(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::MessageBatchTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
        )
    )
}

/// Whether there is no such topic or partition (yet).
pub(crate) fn is_unknown_topic(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
    )
}
