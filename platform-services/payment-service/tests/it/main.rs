//! On a real MariaDB, Kafka and toss-sandbox, private to this process; the service is a process too.

#[cfg(test)]
mod collector;
#[cfg(test)]
mod confirm;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod events;
#[cfg(test)]
mod hold;
#[cfg(test)]
mod late;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod process;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod webhook;
