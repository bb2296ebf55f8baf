//! How to reach Kafka: what every client of a process has in common.

mod flags;
mod security;
mod trouble;

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext, Statistics,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureProducer, Producer as _},
};

use self::trouble::Trouble;
pub use self::{
    flags::KafkaFlags,
    security::{Mechanism, Security},
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
    security: Security,
    trouble: Trouble,
    settings: Vec<(String, String)>,
}

impl Kafka {
    /// `brokers` is `host:port[,host:port…]`.
    #[must_use]
    pub fn new(brokers: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: client_id.into(),
            security: Security::default(),
            trouble: Trouble::default(),
            settings: Vec::new(),
        }
    }

    /// How every client proves who it is, and to whom. Without this: plain connections, no login.
    #[must_use]
    pub fn secured(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// A further property of librdkafka for every client. Wins over ours.
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
        self.security.apply(&mut config);
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
        .create_with_context(self.context())
    }

    /// Whether Kafka answers, asked by a producer of ours. Blocks for `timeout` at most.
    ///
    /// # Errors
    /// What is wrong; where Kafka does not trust us, or we do not trust it, that, and what to do.
    pub fn ask(&self, client: &Producer, timeout: Duration) -> Result<(), String> {
        match client.client().fetch_metadata(None, timeout) {
            Ok(_) => {
                self.trusted();
                Ok(())
            }
            Err(error) => Err(self.distrust().unwrap_or_else(|| error.to_string())),
        }
    }

    /// The last that a client of ours heard of certificates or passwords, and what to do.
    pub(crate) fn distrust(&self) -> Option<String> {
        self.trouble.last()
    }

    /// Kafka answered one of our clients.
    pub(crate) fn trusted(&self) {
        self.trouble.forget();
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            trouble: self.trouble.clone(),
        }
    }
}

/// A producer of [`Kafka::producer`].
pub type Producer = FutureProducer<Context>;

/// Logs what librdkafka says as what it is: it repairs itself. Keeps what it says of certificates and
/// passwords: that does not pass by itself, and who asks gets only a time-out.
#[derive(Debug, Clone, Default)]
pub struct Context {
    trouble: Trouble,
}

impl ClientContext for Context {
    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.note(&error, reason);
        log_error(&error, reason);
    }
}

impl ConsumerContext for Context {}

pub(crate) fn log_error(error: &KafkaError, reason: &str) {
    match trouble::advice(error) {
        Some(advice) => tracing::warn!(%error, reason, advice, "kafka"),
        None => tracing::warn!(%error, reason, "kafka"),
    }
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
