//! order-service on a real MariaDB and a real Kafka. The neighbours are small servers that speak the
//! internal interfaces.

#[cfg(test)]
mod support;

#[cfg(test)]
mod cart;
#[cfg(test)]
mod degraded;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod list;
#[cfg(test)]
mod place;
#[cfg(test)]
mod process;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refund;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod saga;
#[cfg(test)]
mod watchdog;
