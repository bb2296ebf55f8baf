//! A private Kafka broker, and one that stays.

mod answer;
mod builder;
mod format;
mod installed;
mod jars;
mod properties;
mod server;
mod tools;

pub use builder::Builder;
pub use installed::{Installed, is_ready};
pub use jars::{FETCH_TIMEOUT, KAFKA_VERSION};
pub use server::{Kafka, KafkaServer, START_TIMEOUT, STOP_TIMEOUT};
pub use tools::Tools;
