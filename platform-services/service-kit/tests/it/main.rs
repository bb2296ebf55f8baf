//! On a real Kafka and a real MariaDB, private to this process.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod bomb;
#[cfg(test)]
mod child;
#[cfg(test)]
mod client;
#[cfg(test)]
mod consumer;
#[cfg(test)]
mod db;
#[cfg(test)]
mod debezium;
#[cfg(test)]
mod dlq;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod http;
#[cfg(test)]
mod https;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod problem_pages;
#[cfg(test)]
mod rebalance;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod relay_order;
#[cfg(test)]
mod slow_clients;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls_stores;
#[cfg(test)]
mod topics;
