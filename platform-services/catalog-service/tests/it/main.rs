//! On a real MariaDB and a real Kafka, private to this process; inventory-server is played by a
//! small HTTP server that can be told to be slow or away.

#[cfg(test)]
mod availability;
#[cfg(test)]
mod categories;
#[cfg(test)]
mod events;
#[cfg(test)]
mod products;
#[cfg(test)]
mod races;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod search;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod support;
