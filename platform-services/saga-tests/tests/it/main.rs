//! The shop as a whole, as processes on a real Redis, MariaDB and Kafka. Each module has rows of the
//! table of compensations.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod first_order;
#[cfg(test)]
mod hot_path;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod paying;
#[cfg(test)]
mod placing;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod times;
