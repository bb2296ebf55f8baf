#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "whoever uses this is a test, which a panic fails"
)]

mod answer;
mod contract;
mod http;
mod logins;
mod ports;
mod roles;
mod times;
pub mod tls;

pub use self::{
    answer::Answer,
    contract::{Contract, Operation},
    http::{Api, Http},
    logins::redis_login,
    ports::free_address,
    roles::{Ask, ask_as_everybody},
    times::{PATIENCE, at_once, eventually},
};
