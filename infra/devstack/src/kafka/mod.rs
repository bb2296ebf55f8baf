//! A private Kafka broker.

mod answer;
mod builder;
mod jars;
mod properties;
mod server;

pub use builder::Builder;
pub use jars::{FETCH_TIMEOUT, KAFKA_VERSION};
pub use server::{KafkaServer, START_TIMEOUT, STOP_TIMEOUT};
