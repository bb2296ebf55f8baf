//! The real server on a real Redis.
//!
//! Every answer is checked against `openapi.json`: its status and code are documented for the
//! operation, its headers are there, its body fits the schema.

#[cfg(test)]
mod adjustments;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod bad_requests;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod confirm;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod extend;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod http;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod release;
#[cfg(test)]
mod reserve;
#[cfg(test)]
mod returns;
#[cfg(test)]
mod states;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod two_servers;
