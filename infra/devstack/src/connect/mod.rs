//! Kafka Connect with Debezium, which publishes outboxes from the binary log of MariaDB: a private worker for
//! tests, and one that stays.

mod account;
mod builder;
mod installed;
mod jars;
mod outbox;
mod properties;
mod rest;
mod server;

pub use account::{Stores, USER, account_sql};
pub use builder::Builder;
pub use installed::Installed;
pub use jars::DEBEZIUM_VERSION;
pub use outbox::{OUTBOXES, OutboxConnector};
pub use rest::{ConnectorState, Offset, Rest};
pub use server::{Connect, ConnectServer, START_TIMEOUT, STOP_TIMEOUT};
