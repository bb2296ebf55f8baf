#![doc = include_str!("../README.md")]

mod cancel;
mod cart;
mod config;
pub mod domain;
mod error;
pub mod http;
pub mod limits;
mod metrics;
mod neighbours;
mod place;
mod refund;
mod refusal;
mod run;
mod saga;
mod shop;
mod tables;
mod view;
mod watchdog;

pub use self::{
    config::{Config, NeighbourUrls},
    run::{Error as RunError, run},
    saga::Deadlines,
    tables::MIGRATIONS,
};
