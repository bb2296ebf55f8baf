#![doc = include_str!("../README.md")]

pub mod audit;
pub mod backoff;
pub mod clock;
pub mod config;
pub mod ids;
pub mod metrics;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod trace_context;

/// TLS of a process: flags, what listeners serve, what outgoing connections trust.
pub use tls;

#[cfg(feature = "client")]
pub mod client;

#[cfg(feature = "db")]
pub mod db;
#[cfg(feature = "http")]
pub mod http;

#[cfg(feature = "kafka")]
pub mod consumer;
#[cfg(feature = "kafka")]
pub mod dlq;
#[cfg(feature = "kafka")]
pub mod inbox;
#[cfg(all(feature = "kafka", feature = "client"))]
pub mod janitor;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "kafka")]
pub mod outbox;
#[cfg(all(feature = "kafka", feature = "client"))]
pub mod publisher;
#[cfg(feature = "kafka")]
pub mod relay;
#[cfg(feature = "kafka")]
pub mod topics;
