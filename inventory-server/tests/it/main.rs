//! The real server on a real Redis.
//!
//! Every answer is checked against `openapi.json`: its status and code are documented for the
//! operation, its headers are there, its body fits the schema.

mod adjustments;
mod bad_requests;
mod batches;
mod command_line;
mod confirm;
mod drain;
mod embedded;
mod expiry;
mod extend;
mod faults;
mod http;
mod limits;
mod ops;
mod overload;
mod release;
mod reserve;
mod returns;
mod states;
mod stock;
mod stream;
mod support;
mod two_servers;
